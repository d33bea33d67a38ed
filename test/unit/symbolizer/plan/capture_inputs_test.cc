// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/plan/capture_inputs.h"

#include "symbolizer/dwarf/expression.h"
#include "symbolizer/dwarf/nodes.h"
#include "test/catch.h"

namespace dlog::plan {
namespace {

using Memory = code::CaptureInputs::Memory;
using Types = google::protobuf::RepeatedPtrField<v1::Type>;

Types WordAndInt() {
  Types types;
  types.Add();
  types.Add()->set_size(4);
  return types;
}

std::vector<v1::BoundExpression> Values(v1::Node node) {
  std::vector<v1::BoundExpression> out(1);
  *out[0].mutable_value() = std::move(node);
  return out;
}

v1::Node IntRegister(uint32_t reg) {
  v1::Node node = dwarf::RegisterNode(reg);
  node.set_type(1);
  return node;
}

}  // namespace

TEST_CASE("A value of 32 bits in a register needs the low half of it, an address all of it") {
  v1::CapturePlan plan;
  plan.set_register_mask(1u << 5 | 1u << 4);
  auto values = Values(IntRegister(5));
  values.push_back(Values(dwarf::MemoryNode(dwarf::RegisterNode(4)))[0]);
  auto inputs = InputsOf(plan, values, WordAndInt(), std::nullopt);
  CHECK(inputs.gprs == (1u << 5 | 1u << 4));
  CHECK(inputs.gpr_bits[5] == 32);
  CHECK(inputs.gpr_bits[4] == 64);
  // The kernel reads all of it, whatever user space does.
  v1::CaptureOp* op = plan.add_ops();
  op->set_code(v1::CAP_LOAD);
  op->set_a(5);
  op->set_size(8);
  inputs = InputsOf(plan, values, WordAndInt(), std::nullopt);
  CHECK(inputs.gpr_bits[5] == 64);
}

TEST_CASE("A register that is only in the mask is needed whole") {
  v1::CapturePlan plan;
  plan.set_register_mask(1u << 3);
  CHECK(InputsOf(plan, {}, WordAndInt(), std::nullopt).gpr_bits[3] == 64);
}

TEST_CASE("An op without a parameter reads no register for it") {
  v1::CapturePlan plan;
  v1::CaptureOp* op = plan.add_ops();
  op->set_code(v1::CAP_CSTRING);
  op->set_a(5);
  op->set_length(16);
  const auto inputs = InputsOf(plan, {}, WordAndInt(), std::nullopt);
  CHECK(inputs.gprs == 1u << 5);
  CHECK(inputs.memory == Memory::kAny);
}

TEST_CASE("What is read relative to the CFA is a slot of the frame") {
  v1::CapturePlan plan;
  v1::CaptureOp* op = plan.add_ops();
  op->set_code(v1::CAP_COPY);
  op->set_a(dwarf::kCfaMarker);
  op->set_offset(-24);
  op->set_length(8);
  const auto inputs = InputsOf(plan, {}, WordAndInt(), code::FramePosition{7, 32});
  CHECK(inputs.memory == Memory::kFrame);
  REQUIRE(inputs.slots.size() == 1);
  CHECK(inputs.slots[0].begin == -24);
  CHECK(inputs.slots[0].end == -16);
}

TEST_CASE("A sum of registers becomes a word with the fewest operations") {
  code::RegisterSum sum;
  sum.factors[0] = 1;
  CHECK(WordOf(sum).has_reg());
  sum.factors[4] = ~uint64_t{0};
  sum.constant = 8;
  const v1::Node node = WordOf(sum);
  REQUIRE(node.has_binary());
  CHECK(node.SerializeAsString() ==
        dwarf::BinaryNode(v1::OP_SUB, dwarf::BinaryNode(v1::OP_ADD, dwarf::RegisterNode(0), dwarf::ConstantNode(8)),
                          dwarf::RegisterNode(4))
            .SerializeAsString());
  CHECK(dwarf::ConstantValue(WordOf(code::RegisterSum())) == 0u);
}

}  // namespace dlog::plan
