// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/word_arithmetic.h"

#include <utility>

#include "symbolizer/dwarf/nodes.h"

namespace dlog::dwarf {
namespace {

uint64_t Mask(uint32_t size) { return size >= 8 ? ~uint64_t{0} : (uint64_t{1} << (size * 8)) - 1; }

}  // namespace

v1::Node Extend(v1::Node word, uint32_t size, bool is_signed) {
  if (size >= 8) return word;
  v1::Node cut = BinaryNode(v1::OP_AND, std::move(word), ConstantNode(Mask(size)));
  if (!is_signed) return cut;
  const uint64_t sign = uint64_t{1} << (size * 8 - 1);
  return BinaryNode(v1::OP_SUB, BinaryNode(v1::OP_XOR, std::move(cut), ConstantNode(sign)), ConstantNode(sign));
}

v1::Node ShiftRightSigned(v1::Node x, const v1::Node& n) {
  const v1::Node m = BinaryNode(v1::OP_SHR, ConstantNode(kSignBit), n);
  v1::Node shifted = BinaryNode(v1::OP_SHR, std::move(x), n);
  return BinaryNode(v1::OP_SUB, BinaryNode(v1::OP_XOR, std::move(shifted), m), m);
}

v1::Node SignOf(const v1::Node& word) { return ShiftRightSigned(word, ConstantNode(63)); }

v1::Node ApplySign(v1::Node x, const v1::Node& sign) {
  return BinaryNode(v1::OP_SUB, BinaryNode(v1::OP_XOR, std::move(x), sign), sign);
}

v1::Node DivideSigned(const v1::Node& left, const v1::Node& right) {
  const v1::Node left_sign = SignOf(left);
  const v1::Node right_sign = SignOf(right);
  v1::Node quotient = BinaryNode(v1::OP_DIV, ApplySign(left, left_sign), ApplySign(right, right_sign));
  return ApplySign(std::move(quotient), BinaryNode(v1::OP_XOR, left_sign, right_sign));
}

v1::Node CheckedNode(v1::Node condition, v1::Node value, const char* reason) {
  v1::Node out;
  *out.mutable_checked()->mutable_condition() = std::move(condition);
  *out.mutable_checked()->mutable_value() = std::move(value);
  out.mutable_checked()->set_reason(reason);
  return out;
}

}  // namespace dlog::dwarf
