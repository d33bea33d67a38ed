// SPDX-License-Identifier: Apache-2.0
//
// Exit statuses of dlog-symbolizer that mean something to the daemon. The last line on standard error says more.
#pragma once

namespace dlog::sandbox {

inline constexpr int kExitOutOfMemory = 120;    // over its memory limit
inline constexpr int kExitNoSandbox = 121;      // the sandbox could not be entered; no request was read
inline constexpr int kExitForbiddenCall = 122;  // a system call that the filter forbids

}  // namespace dlog::sandbox
