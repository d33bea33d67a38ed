// SPDX-License-Identifier: Apache-2.0
//
// plan.proto CapturePlan -> bpf/abi.h op tables. The plan is untrusted: every cell, jump, length and routine index is
// checked here, because the kernel program only masks them.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "bpf/abi.h"
#include "plan.pb.h"

namespace dlog::attach {

// Position-independent: ranges and routine indices are relative to this plan's own vectors; the loader relocates them.
struct AssembledPlan {
  std::vector<dlog_op> ops;   // condition, capture and all routines, one after the other
  dlog_range condition = {};  // into ops
  dlog_range capture = {};
  std::vector<dlog_range> routines;  // dlog_op::routine indexes this vector
  uint32_t register_mask = 0;
  uint32_t vector_mask = 0;
  uint8_t entry_mask = 0;         // bit n: the n-th kept register (abi.h)
  bool vector_condition = false;  // the condition reads vector registers
};

// Where the function's return address lies at a probe: plan.proto, ReturnSlot.
struct ReturnSlot {
  bool from_rbp = false;  // else from rsp
  int32_t offset = 0;
};

// InvalidArgument for any other register than rbp and rsp, or an offset beyond 32 bits.
absl::StatusOr<ReturnSlot> CheckSlot(const v1::ReturnSlot& slot);

// CapturePlan.entry_mask or Statement.keeps as dlog_site::entry_mask. InvalidArgument when it names other registers.
absl::StatusOr<uint8_t> KeptMask(uint32_t registers);

struct CaptureLimits {
  uint32_t depth = 3;
  uint32_t event_bytes = 16384;
};

// InvalidArgument (naming the op) for anything outside the contract in plan.proto; ResourceExhausted when it is too
// big.
absl::StatusOr<AssembledPlan> AssemblePlan(const v1::CapturePlan& plan);

}  // namespace dlog::attach
