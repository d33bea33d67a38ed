// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/plan/capture_inputs.h"

#include "symbolizer/dwarf/expression.h"

namespace dlog::plan {
namespace {

using Memory = code::CaptureInputs::Memory;

constexpr uint32_t kGprs = 16;
constexpr uint32_t kEveryGpr = (1u << kGprs) - 1;

class InputCollector {
 public:
  InputCollector(const std::optional<code::FramePosition>& frame, code::CaptureInputs* out)
      : frame_(frame), out_(out) {}

  template <typename Ops>
  void Add(const Ops& ops) {
    for (const v1::CaptureOp& op : ops) Op(op);
  }

 private:
  void Op(const v1::CaptureOp& op);
  void Cell(uint32_t cell) {
    if (cell < kGprs) out_->gprs |= 1u << cell;
  }
  // `size` bytes at a + offset are read.
  void Read(const v1::CaptureOp& op, uint64_t size);
  void ReadAnything() { out_->memory = Memory::kAny; }

  const std::optional<code::FramePosition>& frame_;
  code::CaptureInputs* const out_;
};

void InputCollector::Read(const v1::CaptureOp& op, uint64_t size) {
  Cell(op.a());
  int64_t begin = op.offset();
  if (op.a() != dwarf::kCfaMarker) {
    // A register that the CFA is known from: register + offset = CFA - frame offset + offset. What is reached through
    // any other register can be anywhere.
    if (!frame_.has_value() || frame_->base != op.a() || op.a() >= kGprs) return ReadAnything();
    begin -= frame_->offset;
  }
  if (out_->memory == Memory::kNone) out_->memory = Memory::kFrame;
  out_->slots.push_back({begin, begin + static_cast<int64_t>(size)});
}

void InputCollector::Op(const v1::CaptureOp& op) {
  switch (op.code()) {
    case v1::CAP_CONST:
    case v1::CAP_JUMP:
    case v1::CAP_NONE:
      return;
    case v1::CAP_VECTOR:
      out_->vectors |= 1u << (op.a() & 15);
      return;
    case v1::CAP_LOAD:
      return Read(op, op.size());
    case v1::CAP_COPY:
      return Read(op, op.length());
    case v1::CAP_ARITH:
    case v1::CAP_FLOAT_CMP:
      Cell(op.a());
      Cell(op.b());
      return;
    case v1::CAP_MOVE:
    case v1::CAP_ARITH_IMM:
    case v1::CAP_UNARY:
    case v1::CAP_EXTEND:
    case v1::CAP_BITFIELD:
    case v1::CAP_FLOAT_WIDEN:
    case v1::CAP_JUMP_IF_ZERO:
    case v1::CAP_JUMP_IF_NOT_ZERO:
    case v1::CAP_REJECT_IF_ZERO:
      return Cell(op.a());
    case v1::CAP_COPY_DYN:
    case v1::CAP_CALL_EACH:
    case v1::CAP_WALK:
      Cell(op.b());
      [[fallthrough]];
    case v1::CAP_CSTRING:
    case v1::CAP_CALL:
    case v1::CAP_NEXT:
      Cell(op.a());
      Cell(op.param());
      return ReadAnything();
    default:
      // An op that this file does not know may read anything.
      out_->gprs = kEveryGpr;
      return ReadAnything();
  }
}

}  // namespace

code::CaptureInputs InputsOf(const v1::CapturePlan& plan, const std::optional<code::FramePosition>& frame) {
  code::CaptureInputs inputs;
  inputs.gprs = plan.register_mask() & ((1u << kGprs) - 1);
  inputs.vectors = plan.vector_mask();
  InputCollector collector(frame, &inputs);
  collector.Add(plan.condition());
  collector.Add(plan.ops());
  for (const v1::CaptureRoutine& routine : plan.routines()) collector.Add(routine.ops());
  return inputs;
}

}  // namespace dlog::plan
