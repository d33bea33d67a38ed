// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/plan/nodes.h"

#include <string>
#include <utility>

#include "symbolizer/dwarf/nodes.h"

namespace dlog::plan {

v1::Node MakeLookup(v1::Node container, const v1::Node* key, std::string_view text, uint32_t type) {
  v1::Node node;
  node.set_type(type);
  v1::Lookup* lookup = node.mutable_lookup();
  *lookup->mutable_container() = std::move(container);
  if (key != nullptr) *lookup->mutable_key() = *key;
  lookup->set_text(text.data(), text.size());
  return node;
}

v1::Node MakeConstant(const void* bytes, size_t size, uint32_t type) {
  v1::Node node;
  node.set_constant(std::string(static_cast<const char*>(bytes), size));
  node.set_type(type);
  return node;
}

v1::Node Word(uint64_t value) { return dwarf::ConstantNode(value); }

v1::Node Self() {
  v1::Node node;
  node.set_self(true);
  return node;
}

v1::Node MakeBinary(v1::Operator op, v1::Node left, v1::Node right, uint32_t type) {
  return dwarf::TypedBinaryNode(op, std::move(left), std::move(right), type);
}

v1::Node WordBinary(v1::Operator op, v1::Node left, v1::Node right) {
  return MakeBinary(op, std::move(left), std::move(right), 0);
}

v1::Node MakeUnary(v1::Operator op, v1::Node operand, uint32_t type) {
  v1::Node node;
  node.set_type(type);
  node.mutable_unary()->set_op(op);
  *node.mutable_unary()->mutable_operand() = std::move(operand);
  return node;
}

v1::Node MakeConvert(v1::Node operand, uint32_t type) { return dwarf::ConvertNode(std::move(operand), type); }

v1::Node MakeChecked(v1::Node condition, v1::Node value, std::string_view reason) {
  v1::Node node;
  node.set_type(value.type());
  v1::Checked* checked = node.mutable_checked();
  *checked->mutable_condition() = std::move(condition);
  *checked->mutable_value() = std::move(value);
  checked->set_reason(std::string(reason));
  return node;
}

v1::Node MemoryObject(v1::Node address, uint32_t type) {
  if (address.has_checked()) {
    v1::Node inner = MemoryObject(std::move(*address.mutable_checked()->mutable_value()), type);
    return MakeChecked(std::move(*address.mutable_checked()->mutable_condition()), std::move(inner),
                       address.checked().reason());
  }
  v1::Node node = dwarf::MemoryNode(std::move(address));
  node.set_type(type);
  return node;
}

std::optional<uint64_t> ConstantWord(const v1::Node& node) { return dwarf::ConstantValue(node); }

v1::Node AddOffset(v1::Node left, int64_t offset) {
  if (offset == 0) return left;
  if (left.has_checked()) {
    v1::Node inner = AddOffset(std::move(*left.mutable_checked()->mutable_value()), offset);
    *left.mutable_checked()->mutable_value() = std::move(inner);
    return left;
  }
  if (auto constant = ConstantWord(left)) return Word(*constant + static_cast<uint64_t>(offset));
  if (left.has_binary() && left.binary().op() == v1::OP_ADD) {
    if (auto constant = ConstantWord(left.binary().right())) {
      *left.mutable_binary()->mutable_right() = Word(*constant + static_cast<uint64_t>(offset));
      return left;
    }
  }
  return WordBinary(v1::OP_ADD, std::move(left), Word(static_cast<uint64_t>(offset)));
}

bool IsInMemory(const v1::Node& node) {
  if (node.has_checked()) return IsInMemory(node.checked().value());
  return node.has_memory();
}

v1::Node AddressOf(const v1::Node& object) {
  if (object.has_checked()) {
    return MakeChecked(object.checked().condition(), AddressOf(object.checked().value()), object.checked().reason());
  }
  return object.memory();
}

namespace {

// Calls `replace` for each direct operand.
template <typename Function>
void ForEachOperand(v1::Node* node, Function replace) {
  switch (node->kind_case()) {
    case v1::Node::kMemory:
      replace(node->mutable_memory());
      break;
    case v1::Node::kMember:
      replace(node->mutable_member()->mutable_object());
      break;
    case v1::Node::kUnary:
      replace(node->mutable_unary()->mutable_operand());
      break;
    case v1::Node::kBinary:
      replace(node->mutable_binary()->mutable_left());
      replace(node->mutable_binary()->mutable_right());
      break;
    case v1::Node::kConvert:
      replace(node->mutable_convert());
      break;
    case v1::Node::kAddressOf:
      replace(node->mutable_address_of());
      break;
    case v1::Node::kChecked:
      replace(node->mutable_checked()->mutable_condition());
      replace(node->mutable_checked()->mutable_value());
      break;
    case v1::Node::kSelect:
      replace(node->mutable_select()->mutable_key());
      for (auto& candidate : *node->mutable_select()->mutable_cases()) replace(candidate.mutable_value());
      break;
    case v1::Node::kComposite:
      for (auto& piece : *node->mutable_composite()->mutable_pieces()) replace(piece.mutable_value());
      break;
    default:
      break;
  }
}

// Reads relative to `self` become members of `object`. False when `self` is left over.
bool ReplaceSelf(const v1::Node& object, v1::Node* node) {
  if (node->kind_case() == v1::Node::kSelf) return false;
  if (node->has_memory()) {
    const BaseOffset place = SplitOffset(node->memory());
    if (place.base->kind_case() == v1::Node::kSelf && place.offset >= 0) {
      v1::Node member;
      member.set_type(node->type());
      member.mutable_member()->set_offset(static_cast<uint64_t>(place.offset));
      *member.mutable_member()->mutable_object() = object;
      *node = std::move(member);
      return true;
    }
  }
  bool complete = true;
  ForEachOperand(node, [&](v1::Node* operand) { complete = ReplaceSelf(object, operand) && complete; });
  return complete;
}

}  // namespace

v1::Node SubstituteSelf(const v1::Node& pattern, const v1::Node& address) {
  if (pattern.kind_case() == v1::Node::kSelf) return address;
  if (pattern.has_memory()) return MemoryObject(SubstituteSelf(pattern.memory(), address), pattern.type());
  if (pattern.has_binary() && pattern.binary().op() == v1::OP_ADD && pattern.type() == 0) {
    if (const auto constant = ConstantWord(pattern.binary().right())) {
      return AddOffset(SubstituteSelf(pattern.binary().left(), address), static_cast<int64_t>(*constant));
    }
  }
  v1::Node node = pattern;
  ForEachOperand(&node, [&](v1::Node* operand) { *operand = SubstituteSelf(v1::Node(*operand), address); });
  return node;
}

namespace {

// What is found by a key is in memory, at a place that is known when it was found.
bool IsLookedUp(const v1::Node& object) {
  if (object.has_member()) return object.member().bit_size() == 0 && IsLookedUp(object.member().object());
  if (object.has_checked()) return IsLookedUp(object.checked().value());
  return object.has_lookup();
}

}  // namespace

std::optional<v1::Node> InsideObject(const v1::Node& pattern, const v1::Node& object) {
  if (IsInMemory(object)) return SubstituteSelf(pattern, AddressOf(object));
  if (IsLookedUp(object)) {
    v1::Node address;
    *address.mutable_address_of() = object;
    return SubstituteSelf(pattern, address);
  }
  v1::Node node = pattern;
  if (!ReplaceSelf(object, &node)) return std::nullopt;
  return node;
}

BaseOffset SplitOffset(const v1::Node& address) {
  if (address.has_binary() && address.binary().op() == v1::OP_ADD && address.type() == 0) {
    if (auto constant = ConstantWord(address.binary().right())) {
      BaseOffset inner = SplitOffset(address.binary().left());
      return {inner.base, inner.offset + static_cast<int64_t>(*constant)};
    }
  }
  return {&address, 0};
}

}  // namespace dlog::plan
