// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/nodes.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "symbolizer/dwarf/wide_mark.h"

namespace dlog::dwarf {
namespace {

std::optional<uint64_t> Fold(v1::Operator op, uint64_t a, uint64_t b) {
  switch (op) {
    case v1::OP_ADD:
      return a + b;
    case v1::OP_SUB:
      return a - b;
    case v1::OP_MUL:
      return a * b;
    case v1::OP_DIV:
      return b == 0 ? std::nullopt : std::optional(a / b);
    case v1::OP_MOD:
      return b == 0 ? std::nullopt : std::optional(a % b);
    case v1::OP_AND:
      return a & b;
    case v1::OP_OR:
      return a | b;
    case v1::OP_XOR:
      return a ^ b;
    case v1::OP_SHL:
      return b >= 64 ? 0 : a << b;
    case v1::OP_SHR:
      return b >= 64 ? 0 : a >> b;
    case v1::OP_EQ:
      return a == b;
    case v1::OP_NE:
      return a != b;
    case v1::OP_LT:
      return a < b;
    case v1::OP_LE:
      return a <= b;
    case v1::OP_GT:
      return a > b;
    case v1::OP_GE:
      return a >= b;
    default:
      return std::nullopt;
  }
}

// x + c1 + c2 becomes x + (c1 + c2): frame offsets come in several steps.
std::optional<v1::Node> FoldOffset(const v1::Node& left, uint64_t right) {
  if (left.kind_case() != v1::Node::kBinary || left.binary().op() != v1::OP_ADD) return std::nullopt;
  const std::optional<uint64_t> inner = ConstantValue(left.binary().right());
  if (!inner.has_value()) return std::nullopt;
  return BinaryNode(v1::OP_ADD, left.binary().left(), ConstantNode(*inner + right));
}

}  // namespace

v1::Node ConstantNode(uint64_t value) {
  v1::Node out;
  out.mutable_constant()->assign(reinterpret_cast<const char*>(&value), sizeof value);
  return out;
}

v1::Node RegisterNode(uint32_t reg) {
  v1::Node out;
  out.set_reg(reg);
  return out;
}

v1::Node VectorNode(uint32_t xmm) {
  v1::Node out;
  out.set_vector(xmm);
  return out;
}

v1::Node AtEntryNode(uint32_t reg) {
  v1::Node out;
  out.set_at_entry(reg);
  return out;
}

v1::Node MemoryNode(v1::Node address) {
  v1::Node out;
  *out.mutable_memory() = std::move(address);
  return out;
}

v1::Node LoadNode(v1::Node address, uint32_t size) {
  v1::Node word = MemoryNode(std::move(address));
  if (size == 8) return word;
  // As a bitfield, so that not one byte more than DWARF says is read.
  v1::Node out;
  *out.mutable_member()->mutable_object() = std::move(word);
  out.mutable_member()->set_bit_size(size * 8);
  return out;
}

v1::Node UnaryNode(v1::Operator op, v1::Node operand) {
  if (const auto value = ConstantValue(operand); value.has_value()) {
    if (op == v1::OP_NEG) return ConstantNode(-*value);
    if (op == v1::OP_BIT_NOT) return ConstantNode(~*value);
  }
  v1::Node out;
  out.mutable_unary()->set_op(op);
  *out.mutable_unary()->mutable_operand() = std::move(operand);
  return out;
}

v1::Node BinaryNode(v1::Operator op, v1::Node left, v1::Node right) {
  const std::optional<uint64_t> a = ConstantValue(left);
  const std::optional<uint64_t> b = ConstantValue(right);
  if (a.has_value() && b.has_value()) {
    if (const auto folded = Fold(op, *a, *b); folded.has_value()) return ConstantNode(*folded);
  }
  if (op == v1::OP_ADD && a.has_value() && !b.has_value()) return BinaryNode(op, std::move(right), std::move(left));
  if (op == v1::OP_SUB && b.has_value()) return BinaryNode(v1::OP_ADD, std::move(left), ConstantNode(-*b));
  const bool zero_is_neutral =
      op == v1::OP_ADD || op == v1::OP_SHL || op == v1::OP_SHR || op == v1::OP_OR || op == v1::OP_XOR;
  if (zero_is_neutral && b == 0u) return left;
  if (op == v1::OP_ADD && b.has_value()) {
    if (auto folded = FoldOffset(left, *b); folded.has_value()) return *std::move(folded);
  }
  return TypedBinaryNode(op, std::move(left), std::move(right), 0);
}

v1::Node TypedBinaryNode(v1::Operator op, v1::Node left, v1::Node right, uint32_t type) {
  v1::Node out;
  out.set_type(type);
  out.mutable_binary()->set_op(op);
  *out.mutable_binary()->mutable_left() = std::move(left);
  *out.mutable_binary()->mutable_right() = std::move(right);
  return out;
}

v1::Node ConvertNode(v1::Node operand, uint32_t type) {
  v1::Node out;
  out.set_type(type);
  *out.mutable_convert() = std::move(operand);
  return out;
}

void ResolveTypeMarks(const std::function<uint32_t(uint32_t mark)>& number, v1::Node* node) {
  if (node->type() >= kWideMark) node->set_type(number(node->type()));
  switch (node->kind_case()) {
    case v1::Node::kMemory:
      return ResolveTypeMarks(number, node->mutable_memory());
    case v1::Node::kMember:
      return ResolveTypeMarks(number, node->mutable_member()->mutable_object());
    case v1::Node::kUnary:
      return ResolveTypeMarks(number, node->mutable_unary()->mutable_operand());
    case v1::Node::kBinary:
      ResolveTypeMarks(number, node->mutable_binary()->mutable_left());
      return ResolveTypeMarks(number, node->mutable_binary()->mutable_right());
    case v1::Node::kConvert:
      return ResolveTypeMarks(number, node->mutable_convert());
    case v1::Node::kChecked:
      ResolveTypeMarks(number, node->mutable_checked()->mutable_condition());
      return ResolveTypeMarks(number, node->mutable_checked()->mutable_value());
    case v1::Node::kSelect:
      ResolveTypeMarks(number, node->mutable_select()->mutable_key());
      for (auto& candidate : *node->mutable_select()->mutable_cases()) {
        ResolveTypeMarks(number, candidate.mutable_value());
      }
      return;
    case v1::Node::kComposite:
      for (auto& piece : *node->mutable_composite()->mutable_pieces()) ResolveTypeMarks(number, piece.mutable_value());
      return;
    default:
      return;
  }
}

v1::Node UnavailableNode(std::string_view why) {
  v1::Node out;
  out.set_unavailable(std::string(why));
  return out;
}

std::optional<uint64_t> ConstantValue(const v1::Node& node) {
  if (node.kind_case() != v1::Node::kConstant || node.constant().size() > 8) return std::nullopt;
  uint64_t value = 0;
  std::memcpy(&value, node.constant().data(), node.constant().size());
  return value;
}

namespace {

// Whether `fine` holds for all nodes without operands in the tree.
bool AllLeaves(const v1::Node& node, const std::function<bool(const v1::Node&)>& fine) {
  const auto only = [&](const v1::Node& part) { return AllLeaves(part, fine); };
  switch (node.kind_case()) {
    case v1::Node::kMemory:
      return only(node.memory());
    case v1::Node::kMember:
      return only(node.member().object());
    case v1::Node::kUnary:
      return only(node.unary().operand());
    case v1::Node::kBinary:
      return only(node.binary().left()) && only(node.binary().right());
    case v1::Node::kConvert:
      return only(node.convert());
    case v1::Node::kAddressOf:
      return only(node.address_of());
    case v1::Node::kChecked:
      return only(node.checked().condition()) && only(node.checked().value());
    case v1::Node::kSelect: {
      const auto& cases = node.select().cases();
      return only(node.select().key()) &&
             std::all_of(cases.begin(), cases.end(), [&](const auto& one) { return only(one.value()); });
    }
    case v1::Node::kComposite: {
      const auto& pieces = node.composite().pieces();
      return std::all_of(pieces.begin(), pieces.end(), [&](const auto& piece) { return only(piece.value()); });
    }
    case v1::Node::kImplicitPointer:
      return only(node.implicit_pointer().target());
    case v1::Node::kLookup:
      return only(node.lookup().container()) && only(node.lookup().key());
    default:
      return fine(node);
  }
}

}  // namespace

bool OnlyReadsRegisters(const v1::Node& node, const std::function<bool(uint32_t)>& among) {
  return AllLeaves(node, [&](const v1::Node& leaf) { return !leaf.has_reg() || among(leaf.reg()); });
}

bool ReadsEntry(const v1::Node& node) {
  return !AllLeaves(node, [](const v1::Node& leaf) { return !leaf.has_at_entry(); });
}

size_t NodeCount(const v1::Node& node) {
  switch (node.kind_case()) {
    case v1::Node::kMemory:
      return 1 + NodeCount(node.memory());
    case v1::Node::kMember:
      return 1 + NodeCount(node.member().object());
    case v1::Node::kUnary:
      return 1 + NodeCount(node.unary().operand());
    case v1::Node::kBinary:
      return 1 + NodeCount(node.binary().left()) + NodeCount(node.binary().right());
    case v1::Node::kConvert:
      return 1 + NodeCount(node.convert());
    case v1::Node::kAddressOf:
      return 1 + NodeCount(node.address_of());
    case v1::Node::kChecked:
      return 1 + NodeCount(node.checked().condition()) + NodeCount(node.checked().value());
    case v1::Node::kSelect: {
      size_t count = 1 + NodeCount(node.select().key());
      for (const auto& candidate : node.select().cases()) count += 1 + NodeCount(candidate.value());
      return count;
    }
    case v1::Node::kComposite: {
      size_t count = 1;
      for (const auto& piece : node.composite().pieces()) count += NodeCount(piece.value());
      return count;
    }
    default:
      return 1;
  }
}

size_t NodeDepth(const v1::Node& node) {
  switch (node.kind_case()) {
    case v1::Node::kMemory:
      return 1 + NodeDepth(node.memory());
    case v1::Node::kMember:
      return 1 + NodeDepth(node.member().object());
    case v1::Node::kUnary:
      return 1 + NodeDepth(node.unary().operand());
    case v1::Node::kConvert:
      return 1 + NodeDepth(node.convert());
    case v1::Node::kBinary:
      return 1 + std::max(NodeDepth(node.binary().left()), NodeDepth(node.binary().right()));
    case v1::Node::kChecked:
      return 1 + std::max(NodeDepth(node.checked().condition()), NodeDepth(node.checked().value()));
    case v1::Node::kSelect: {
      size_t depth = NodeDepth(node.select().key());
      for (const auto& candidate : node.select().cases()) depth = std::max(depth, 1 + NodeDepth(candidate.value()));
      return 1 + depth;
    }
    default:
      return 1;
  }
}

}  // namespace dlog::dwarf
