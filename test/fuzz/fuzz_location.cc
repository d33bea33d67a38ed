// SPDX-License-Identifier: Apache-2.0
//
// DWARF expressions as libdw hands them over: 18 bytes an operation, any opcode, any operands.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "symbolizer/dwarf/expression.h"
#include "symbolizer/dwarf/location.h"

namespace {

constexpr size_t kOpBytes = 10;  // opcode, a byte of shape, an operand

// The depth of a node tree; counts the nodes.
size_t Depth(const google::protobuf::Message& message, size_t* nodes) {
  ++*nodes;
  size_t depth = 0;
  const auto* reflection = message.GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const auto* field : fields) {
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      depth = std::max(depth, Depth(reflection->GetMessage(message, field), nodes));
      continue;
    }
    for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
      depth = std::max(depth, Depth(reflection->GetRepeatedMessage(message, field, i), nodes));
    }
  }
  return depth + 1;
}

void Check(const absl::StatusOr<dlog::v1::Node>& node) {
  if (!node.ok()) {
    if (node.status().message().empty()) abort();
    return;
  }
  size_t nodes = 0;
  // Each Node is at most two messages deep (itself and its kind).
  if (Depth(*node, &nodes) > 2 * dlog::dwarf::kMaxExpressionDepth + 4) abort();
  if (nodes > 4 * dlog::dwarf::kMaxExpressionNodes + 16) abort();
  if (dlog::dwarf::DescribeLocation(*node).empty()) abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<Dwarf_Op> ops;
  for (; size >= kOpBytes; data += kOpBytes, size -= kOpBytes) {
    Dwarf_Op op = {};
    op.atom = data[0];
    std::memcpy(&op.number, data + 2, sizeof(op.number));
    if ((data[1] & 1) != 0) op.number = static_cast<int8_t>(data[2]);
    op.number2 = (data[1] & 2) != 0 ? op.number : static_cast<Dwarf_Word>(data[1] >> 2);
    op.offset = ops.size();
    ops.push_back(op);
  }
  dlog::dwarf::ExpressionContext context;
  context.probe = dlog::LinkAddress{0x401000};
  const auto base = []() -> absl::StatusOr<dlog::v1::Node> {
    dlog::v1::Node node;
    node.set_reg(6);
    return node;
  };
  context.frame_base = base;
  context.cfa = base;
  Check(dlog::dwarf::EvaluateLocation(ops, context));
  Check(dlog::dwarf::EvaluateAddress(ops, context));
  return 0;
}
