// SPDX-License-Identifier: Apache-2.0
//
// Between worker and file broker, over a SOCK_SEQPACKET pair: the worker sends a path (1 to kMaxPath bytes, no NUL),
// the broker answers with an errno as int32 and, when that is 0, one read-only descriptor (SCM_RIGHTS). One at a time.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dlog::sandbox {

inline constexpr size_t kMaxPath = 4095;
// A name that is no path: the debug file that debuginfod servers have for the build-id (lower-case hexadecimal) behind
// it. EACCES when the daemon asks no servers.
inline constexpr char kDebuginfodPrefix[] = "debuginfod:";
// Where the worker finds what the daemon hands in.
inline constexpr int kBrokerFd = 3;   // its end of the pair
inline constexpr int kScratchFd = 4;  // the scratch directory, which the worker's user owns
// argv of a sandboxed worker: "--sandbox", and "--user=UID:GID" when it is to change its user.
inline constexpr char kSandboxArgument[] = "--sandbox";
inline constexpr char kUserArgument[] = "--user=";
inline constexpr char kCheckArgument[] = "--check-sandbox";

}  // namespace dlog::sandbox
