// SPDX-License-Identifier: Apache-2.0
//
// Runs one instruction in a child process with and without a uprobe (perf_event_open(2), no BPF) and compares.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "test/unit/symbolizer/code/kernel_check_stub_x86_64.h"

namespace dlog::code {

struct CheckResult {
  bool runs_alone = false;  // without the probe all seeds completed; else the processor lacks it, or it is no test
  int attach_errno = 0;     // of perf_event_open
  std::string difference;   // empty when the probed run computed the same; else what differs, or how it died
  uint64_t hits = 0;        // of kSeeds executions
  uint64_t ns = 0;          // least extra time of a probed run
};

class KernelChecker {
 public:
  // FAILED reason in *error when the environment cannot run the check (no root, no uprobe PMU, address taken).
  static std::unique_ptr<KernelChecker> Create(std::string* error);
  ~KernelChecker();

  CheckResult Check(std::span<const uint8_t> instruction, bool ignore_rax_rdx);

 private:
  struct Shared {
    Outcome alone[kSeeds];
    Outcome probed[kSeeds];
  };
  KernelChecker(int pmu_type, Arena* arena, Shared* shared) : pmu_type_(pmu_type), arena_(arena), shared_(shared) {}

  // Runs the file in a child; attaches before the run when `probe`. Returns how the child ended, empty for well.
  std::string RunChild(const std::string& path, size_t length, Outcome* outcomes, bool probe, CheckResult* result);

  const int pmu_type_;
  Arena* const arena_;
  Shared* const shared_;
};

}  // namespace dlog::code
