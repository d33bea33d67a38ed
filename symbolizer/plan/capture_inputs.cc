// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/plan/capture_inputs.h"

#include <algorithm>
#include <array>

#include "symbolizer/dwarf/expression.h"
#include "symbolizer/dwarf/nodes.h"

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
  // What user space reads from registers.
  void AddValue(const v1::Node& node, const google::protobuf::RepeatedPtrField<v1::Type>& types);
  // Behind the last Add.
  void Finish();

 private:
  void Op(const v1::CaptureOp& op);
  void Cell(uint32_t cell, uint64_t bytes = 8) {
    if (cell >= kGprs) return;
    out_->gprs |= 1u << cell;
    bits_[cell] = std::max(bits_[cell], BitsOf(bytes));
  }
  static uint8_t BitsOf(uint64_t bytes) { return bytes == 0 || bytes > 4 ? 64 : bytes > 2 ? 32 : bytes == 2 ? 16 : 8; }
  // `size` bytes at a + offset are read.
  void Read(const v1::CaptureOp& op, uint64_t size);
  void ReadAnything() { out_->memory = Memory::kAny; }

  const std::optional<code::FramePosition>& frame_;
  code::CaptureInputs* const out_;
  std::array<uint8_t, kGprs> bits_ = {};  // 0: nothing was seen to read the register
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
    case v1::CAP_DURATION:
    case v1::CAP_AT_ENTRY:
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
    case v1::CAP_EXTEND:
      return Cell(op.a(), op.size());
    case v1::CAP_MOVE:
    case v1::CAP_ARITH_IMM:
    case v1::CAP_UNARY:
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
      if (op.param() != 0) Cell(op.param());  // 0: none, not rax
      return ReadAnything();
    default:
      // An op that this file does not know may read anything.
      out_->gprs = kEveryGpr;
      return ReadAnything();
  }
}

void InputCollector::AddValue(const v1::Node& node, const google::protobuf::RepeatedPtrField<v1::Type>& types) {
  const auto size = [&types](uint32_t type) {
    return type < static_cast<uint32_t>(types.size()) ? types[static_cast<int>(type)].size() : 0;
  };
  switch (node.kind_case()) {
    case v1::Node::kReg:
      return Cell(node.reg(), size(node.type()));
    case v1::Node::kMemory:
      return AddValue(node.memory(), types);
    case v1::Node::kUnary:
      return AddValue(node.unary().operand(), types);
    case v1::Node::kBinary:
      AddValue(node.binary().left(), types);
      return AddValue(node.binary().right(), types);
    case v1::Node::kConvert:
      return AddValue(node.convert(), types);
    case v1::Node::kAddressOf:
      return AddValue(node.address_of(), types);
    case v1::Node::kConstant:
    case v1::Node::kLinkAddress:
    case v1::Node::kVector:
    case v1::Node::kUnavailable:
    case v1::Node::kDuration:
    case v1::Node::kAtEntry:
    case v1::Node::KIND_NOT_SET:
      return;
    case v1::Node::kComposite:
    case v1::Node::kMember:
    case v1::Node::kChecked:
    case v1::Node::kSelect:
    case v1::Node::kImplicitPointer:
    case v1::Node::kLookup:
    case v1::Node::kSelf:
      // Registers somewhere below: as if they were read whole.
      for (uint32_t reg = 0; reg < kGprs; ++reg) {
        if ((out_->gprs >> reg & 1) != 0) Cell(reg);
      }
      return;
  }
}

void InputCollector::Finish() {
  for (uint32_t reg = 0; reg < kGprs; ++reg) {
    if (bits_[reg] != 0) out_->gpr_bits[reg] = bits_[reg];
  }
}

}  // namespace

v1::Node WordOf(const code::RegisterSum& sum) {
  v1::Node word = dwarf::ConstantNode(sum.constant);
  for (uint32_t reg = 0; reg < kGprs; ++reg) {
    const uint64_t factor = sum.factors[reg];
    if (factor == 0) continue;
    const bool negative = factor == ~uint64_t{0};
    v1::Node term = dwarf::RegisterNode(reg);
    if (factor != 1 && !negative) {
      term = dwarf::BinaryNode(v1::OP_MUL, std::move(term), dwarf::ConstantNode(factor));
    }
    const bool nothing_yet = dwarf::ConstantValue(word) == 0u;
    if (nothing_yet && !negative) {
      word = std::move(term);
    } else {
      word = dwarf::BinaryNode(negative ? v1::OP_SUB : v1::OP_ADD, std::move(word), std::move(term));
    }
  }
  return word;
}

code::CaptureInputs InputsOf(const v1::CapturePlan& plan, const std::vector<v1::BoundExpression>& expressions,
                             const google::protobuf::RepeatedPtrField<v1::Type>& types,
                             const std::optional<code::FramePosition>& frame) {
  code::CaptureInputs inputs;
  inputs.gprs = plan.register_mask() & ((1u << kGprs) - 1);
  inputs.vectors = plan.vector_mask();
  InputCollector collector(frame, &inputs);
  collector.Add(plan.condition());
  collector.Add(plan.ops());
  for (const v1::CaptureRoutine& routine : plan.routines()) collector.Add(routine.ops());
  for (const v1::BoundExpression& expression : expressions) collector.AddValue(expression.value(), types);
  collector.Finish();
  return inputs;
}

}  // namespace dlog::plan
