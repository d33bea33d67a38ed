// SPDX-License-Identifier: Apache-2.0
//
// What this kernel and this process can do, found out by trying (`dlogctl doctor`).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/attach/instruction_canaries.h"

namespace dlog::attach {

struct KernelCheck {
  std::string name;
  bool ok = false;
  bool required = false;  // dlog cannot attach anything without it
  std::string detail;     // what was seen
  std::string hint;       // what to do when not ok
};

// Takes up to two seconds: probes are attached to this process itself and taken off again. Thread-compatible.
std::vector<KernelCheck> RunKernelChecks();

// The effective capability set from the text of /proc/PID/status; DataLoss when it has none.
absl::StatusOr<uint64_t> EffectiveCapabilities(const std::string& status_text);

// The check of privileges for an effective set; the bits are those of <linux/capability.h>.
KernelCheck PrivilegeCheck(uint64_t capabilities);

// The check "probe_NAME" of one class of instructions.
KernelCheck CanaryCheck(const CanaryResult& result);

// The check of the optimised-uprobe generation for what syscall 336 answered (positive errno, 0 = succeeded).
KernelCheck OptimizedProbeCheck(int error);

}  // namespace dlog::attach
