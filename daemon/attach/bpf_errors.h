// SPDX-License-Identifier: Apache-2.0
//
// What an errno of bpf(2) means to a user, and what to do about it.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace dlog::attach {

inline constexpr char kKernelBtfPath[] = "/sys/kernel/btf/vmlinux";

// ENOTSUPP, include/linux/errno.h, not in the C library's <errno.h>: the instruction cannot carry a probe.
inline constexpr int kNotSupported = 524;

// FailedPrecondition with a hint when `path` cannot be read.
absl::Status CheckKernelBtf(const std::string& path);

// Loading maps and programs failed with `error` (positive errno). `log` is the last line the loader said, or empty.
// PermissionDenied for EPERM and EACCES without a verifier complaint, FailedPrecondition otherwise.
absl::Status LoadError(int error, const std::string& log);

// Attaching a probe to `path` failed with `error` (positive errno).
absl::Status LinkError(int error, const std::string& path, int pid);

}  // namespace dlog::attach
