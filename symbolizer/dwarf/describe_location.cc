// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "symbolizer/dwarf/location.h"
#include "symbolizer/dwarf/nodes.h"
#include "symbolizer/dwarf/registers_x86_64.h"

namespace dlog::dwarf {
namespace {

constexpr int kMaxDescribeDepth = 32;

const char* Symbol(v1::Operator op) {
  switch (op) {
    case v1::OP_ADD:
      return "+";
    case v1::OP_SUB:
    case v1::OP_NEG:
      return "-";
    case v1::OP_MUL:
      return "*";
    case v1::OP_DIV:
      return "/";
    case v1::OP_MOD:
      return "%";
    case v1::OP_AND:
      return "&";
    case v1::OP_OR:
      return "|";
    case v1::OP_XOR:
      return "^";
    case v1::OP_BIT_NOT:
      return "~";
    case v1::OP_NOT:
      return "!";
    case v1::OP_SHL:
      return "<<";
    case v1::OP_SHR:
      return ">>";
    case v1::OP_EQ:
      return "==";
    case v1::OP_NE:
      return "!=";
    case v1::OP_LT:
      return "<";
    case v1::OP_LE:
      return "<=";
    case v1::OP_GT:
      return ">";
    case v1::OP_GE:
      return ">=";
    default:
      return "?";
  }
}

std::string SignedHex(uint64_t value) {
  return static_cast<int64_t>(value) < 0 ? fmt::format("-{:#x}", -value) : fmt::format("+{:#x}", value);
}

std::string Describe(const v1::Node& node, int depth);

// The return address, relative to the module, chooses; else it is a truth value.
bool IsEntryValue(const v1::Select& select) {
  for (const auto& candidate : select.cases()) {
    if (std::any_of(candidate.keys().begin(), candidate.keys().end(), [](uint64_t key) { return key > 1; }))
      return true;
  }
  return false;
}

std::string DescribeBinary(const v1::Binary& binary, int depth) {
  const auto right = ConstantValue(binary.right());
  std::string left = Describe(binary.left(), depth);
  if (binary.left().kind_case() == v1::Node::kBinary) left = "(" + left + ")";
  if (binary.op() == v1::OP_ADD && right.has_value()) return left + SignedHex(*right);
  std::string text = right.has_value() ? fmt::format("{:#x}", *right) : Describe(binary.right(), depth);
  if (binary.right().kind_case() == v1::Node::kBinary) text = "(" + text + ")";
  return left + Symbol(binary.op()) + text;
}

std::string DescribeComposite(const v1::Composite& composite, int depth) {
  std::string out;
  for (const v1::Composite::Piece& piece : composite.pieces()) {
    if (!out.empty()) out += ", ";
    const std::string value = Describe(piece.value(), depth);
    if (piece.bits() != 0) out += fmt::format("{} bits of ", piece.bits());
    out += piece.in_memory() ? "[" + value + "]" : value;
  }
  return "{" + out + "}";
}

std::string Describe(const v1::Node& node, int depth) {
  if (depth > kMaxDescribeDepth) return "...";
  switch (node.kind_case()) {
    case v1::Node::kReg:
      return RegisterName(node.reg());
    case v1::Node::kVector:
      return RegisterClassName(kFirstXmm + uint64_t{node.vector()});
    case v1::Node::kDuration:
      return "since the function's entry";
    case v1::Node::kAtEntry:
      return fmt::format("{} at the function's entry", RegisterName(node.at_entry()));
    case v1::Node::kConstant: {
      const auto value = ConstantValue(node);
      return depth > 0 && value.has_value() ? fmt::format("{:#x}", *value) : "constant";
    }
    case v1::Node::kMemory:
      return "[" + Describe(node.memory(), depth + 1) + "]";
    case v1::Node::kComposite:
      return DescribeComposite(node.composite(), depth + 1);
    case v1::Node::kMember: {
      const v1::Member& member = node.member();
      std::string out = Describe(member.object(), depth + 1);
      if (member.offset() != 0) out += fmt::format(".+{:#x}", member.offset());
      if (member.bit_size() != 0) out += fmt::format(":{}", member.bit_size());
      return out;
    }
    case v1::Node::kUnary:
      return Symbol(node.unary().op()) + Describe(node.unary().operand(), depth + 1);
    case v1::Node::kBinary:
      return DescribeBinary(node.binary(), depth + 1);
    case v1::Node::kConvert:
      return Describe(node.convert(), depth + 1);
    case v1::Node::kAddressOf:
      return "&" + Describe(node.address_of(), depth + 1);
    case v1::Node::kChecked:
      return Describe(node.checked().value(), depth + 1);
    case v1::Node::kSelect: {
      size_t keys = 0;
      for (const auto& candidate : node.select().cases()) keys += static_cast<size_t>(candidate.keys_size());
      const char* what = IsEntryValue(node.select()) ? "known to the caller" : "chosen by a condition";
      return fmt::format("{}, {} case{}", what, keys, keys == 1 ? "" : "s");
    }
    case v1::Node::kImplicitPointer:
      return "synthetic pointer";
    case v1::Node::kLookup:
      return Describe(node.lookup().container(), depth + 1) + ", by its key";
    case v1::Node::kLinkAddress:
    case v1::Node::kSelf:
      return "self";
    case v1::Node::kUnavailable:
      return "<" + node.unavailable() + ">";
    default:
      return "?";
  }
}

}  // namespace

std::string DescribeLocation(const v1::Node& node) { return Describe(node, 0); }

}  // namespace dlog::dwarf
