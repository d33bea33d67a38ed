// SPDX-License-Identifier: Apache-2.0
//
// Runs capture plans on a stopped process, as the kernel program would at a hit.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "bpf/abi.h"
#include "daemon/attach/plan_assembler.h"

namespace dlog::test {

struct MachineState {
  std::array<uint64_t, 17> registers = {};  // DWARF order, 16 = rip
  std::array<std::array<uint8_t, DLOG_VECTOR_BYTES>, DLOG_NVECTORS> vectors = {};
};

struct CapturedRecord {
  dlog_record header = {};
  std::vector<uint8_t> segments;
};

class PlanRunner {
 public:
  explicit PlanRunner(pid_t process);
  ~PlanRunner();

  // Whether the condition admits the hit, and if so what is captured.
  CapturedRecord Run(const attach::AssembledPlan& plan, const MachineState& state);

 private:
  const pid_t process_;
  std::unique_ptr<dlog_scratch> scratch_;
};

}  // namespace dlog::test
