// SPDX-License-Identifier: Apache-2.0
#include <dwarf.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/evaluator.h"
#include "symbolizer/dwarf/nodes.h"
#include "symbolizer/dwarf/word_arithmetic.h"

namespace dlog::dwarf {
namespace {

// The number whose bytes are the low ones of a machine word.
v1::Node FromBits(v1::Node word, const StackType& type) {
  v1::Node out;
  out.set_type(kFloatMark | type.size);
  v1::Composite::Piece* piece = out.mutable_composite()->add_pieces();
  piece->set_size(type.size);
  *piece->mutable_value() = std::move(word);
  return out;
}

// The bits of a number, zero-extended to a machine word.
v1::Node BitsOf(v1::Node number, uint32_t size) {
  if (const auto constant = ConstantValue(number); constant.has_value()) return ConstantNode(*constant);
  if (number.has_memory()) return LoadNode(std::move(*number.mutable_memory()), size);
  if (number.has_composite())
    return Extend(std::move(*number.mutable_composite()->mutable_pieces(0)->mutable_value()), size, false);
  v1::Node out;
  const auto add = [&out](v1::Node value, uint32_t bytes) {
    v1::Composite::Piece* piece = out.mutable_composite()->add_pieces();
    piece->set_size(bytes);
    *piece->mutable_value() = std::move(value);
  };
  add(std::move(number), size);
  if (size < sizeof(uint64_t)) add(ConstantNode(0), sizeof(uint64_t) - size);
  return out;
}

v1::Node TypedNegation(v1::Node number, const StackType& type) {
  v1::Node out;
  out.set_type(kFloatMark | type.size);
  out.mutable_unary()->set_op(v1::OP_NEG);
  *out.mutable_unary()->mutable_operand() = std::move(number);
  return out;
}

// The integer of 16 bytes that a machine word stands for, which is extended by its own type.
v1::Node Widened(v1::Node word, bool is_signed) {
  if (is_signed) word = ConvertNode(std::move(word), kSignedMark | sizeof(uint64_t));
  return ConvertNode(std::move(word), kWideMark);
}

v1::Node AsSignedWide(v1::Node wide) { return ConvertNode(std::move(wide), kSignedMark | kWideBytes); }

// LLVM mixes literals, which are generic, with typed values: `convert int; lit3; mul`. A literal then means that value
// of the other operand's type. False when neither is a literal.
bool AdoptType(Entry* left, Entry* right) {
  auto adopt = [](Entry* literal, const Entry& other) {
    if (!literal->type.generic || other.type.generic || !ConstantValue(literal->word).has_value()) return false;
    literal->type = other.type;
    // An entry is kept extended by its own type; comparisons and divisions rely on it.
    literal->word = IsWide(other.type) ? Widened(std::move(literal->word), other.type.is_signed)
                                       : Extend(std::move(literal->word), other.type.size, other.type.is_signed);
    return true;
  };
  return adopt(left, *right) || adopt(right, *left);
}

}  // namespace

absl::StatusOr<StackType> Evaluator::BaseType(const Dwarf_Op& op, uint64_t offset) const {
  if (offset == 0) return StackType{};  // the generic type
  Dwarf_Die type;
  if (attribute_ == nullptr || dwarf_getlocation_die(attribute_, &op, &type) != 0 ||
      dwarf_tag(&type) != DW_TAG_base_type) {
    return MalformedExpression("typed operation without a base type");
  }
  Dwarf_Attribute attr;
  Dwarf_Word encoding = 0;
  const int size = dwarf_bytesize(&type);
  if (dwarf_attr(&type, DW_AT_encoding, &attr) == nullptr || dwarf_formudata(&attr, &encoding) != 0) {
    return MalformedExpression("base type without an encoding");
  }
  const bool is_signed = encoding == DW_ATE_signed || encoding == DW_ATE_signed_char;
  const bool is_integer = is_signed || encoding == DW_ATE_unsigned || encoding == DW_ATE_unsigned_char ||
                          encoding == DW_ATE_boolean || encoding == DW_ATE_address || encoding == DW_ATE_UTF;
  // Of 16 bytes: only the name tells x87's from IEEE binary128.
  const bool x87 = size == 16 && std::string_view(NameOf(type)).find("128") == std::string_view::npos;
  if (encoding == DW_ATE_float && (size == 4 || size == 8 || x87))
    return StackType{false, true, true, static_cast<uint32_t>(size)};
  if (!is_integer) {
    return UnsupportedExpression(
        "location expression on numbers that are neither integers nor of a known float format");
  }
  if (size < 1 || (size > 8 && size != kWideBytes)) {
    return UnsupportedExpression("location expression on integers of an unusual size");
  }
  return StackType{false, false, is_signed, static_cast<uint32_t>(size)};
}

absl::Status Evaluator::PushBits(v1::Node word, const StackType& type) {
  if (type.size > sizeof(uint64_t)) return MalformedExpression("a machine word as a wider number");
  if (type.is_float) return Push(FromBits(std::move(word), type), type);
  return Push(Extend(std::move(word), type.size, type.is_signed), type);
}

absl::StatusOr<v1::Node> Evaluator::TakeBits() {
  const bool number = form_ == Form::kAddress || form_ == Form::kValue;
  if (!number || composite_.pieces_size() > 0 || stack_.empty() || !stack_.back().type.is_float) return TakeAddress();
  if (stack_.back().type.size > sizeof(uint64_t)) return UnsupportedExpression("a number wider than a register");
  return BitsOf(std::move(stack_.back().word), stack_.back().type.size);
}

absl::Status Evaluator::Typed(const Dwarf_Op& op) {
  const bool in_second = op.atom == DW_OP_regval_type || op.atom == DW_OP_GNU_regval_type ||
                         op.atom == DW_OP_deref_type || op.atom == DW_OP_GNU_deref_type;
  absl::StatusOr<StackType> type = BaseType(op, in_second ? op.number2 : op.number);
  if (!type.ok()) return type.status();
  switch (op.atom) {
    case DW_OP_regval_type:
    case DW_OP_GNU_regval_type: {
      auto word = type->is_float ? NumberRegister(op.number) : RegisterWord(op.number);
      if (!word.ok()) return word.status();
      return PushBits(*std::move(word), *type);
    }
    case DW_OP_deref_type:
    case DW_OP_GNU_deref_type: {
      auto address = Pop();
      if (!address.ok()) return address.status();
      if (op.number != type->size) return MalformedExpression("DW_OP_deref_type with a size that is not its type's");
      if (address->type.is_float || IsWide(address->type)) return MalformedExpression("a wide number as an address");
      if (type->is_float || IsWide(*type)) {
        v1::Node object = MemoryNode(std::move(address->word));
        object.set_type(type->is_float ? kFloatMark | type->size : kWideMark);
        return Push(std::move(object), *type);
      }
      v1::Node word = LoadNode(std::move(address->word), type->size);
      return Push(type->is_signed ? Extend(std::move(word), type->size, true) : std::move(word), *type);
    }
    case DW_OP_const_type:
    case DW_OP_GNU_const_type: {
      Dwarf_Attribute constant;
      Dwarf_Block block{};
      if (attribute_ == nullptr || dwarf_getlocation_attr(attribute_, &op, &constant) != 0 ||
          dwarf_formblock(&constant, &block) != 0) {
        return MalformedExpression("typed constant without its block");
      }
      if (block.length != type->size) return MalformedExpression("typed constant of a wrong size");
      if (type->is_float || IsWide(*type)) {
        v1::Node number;
        number.set_constant(block.data, block.length);
        number.set_type(type->is_float ? kFloatMark | type->size : kWideMark);
        return Push(std::move(number), *type);
      }
      uint64_t value = 0;
      std::copy_n(block.data, block.length, reinterpret_cast<uint8_t*>(&value));
      return Push(Extend(ConstantNode(value), type->size, type->is_signed), *type);
    }
    default:
      return Convert(op, *type);
  }
}

absl::Status Evaluator::Convert(const Dwarf_Op& op, const StackType& to) {
  absl::StatusOr<Entry> operand = Pop();
  if (!operand.ok()) return operand.status();
  const StackType& from = operand->type;
  if (op.atom == DW_OP_reinterpret || op.atom == DW_OP_GNU_reinterpret) {
    if (from.size != to.size) return MalformedExpression("DW_OP_reinterpret changes the size");
    if (from.size > sizeof(uint64_t) && from.is_float != to.is_float) {
      return UnsupportedExpression("location expression that takes a wide number's bits for another's");
    }
    if (IsWide(to)) return Push(std::move(operand->word), to);
    if (from.is_float && !to.is_float) {
      v1::Node bits = BitsOf(std::move(operand->word), from.size);
      return Push(to.is_signed ? Extend(std::move(bits), to.size, true) : std::move(bits), to);
    }
    if (to.is_float && !from.is_float) return Push(FromBits(std::move(operand->word), to), to);
    if (to.is_float) return Push(std::move(operand->word), to);
    return Push(Extend(std::move(operand->word), to.size, to.is_signed), to);
  }
  if (IsWide(from) || IsWide(to)) return ConvertWide(*std::move(operand), to);
  if (!from.is_float && !to.is_float) return Push(Extend(std::move(operand->word), to.size, to.is_signed), to);
  const uint32_t number = kFloatMark | to.size;
  if (from.is_float && to.is_float) return Push(ConvertNode(std::move(operand->word), number), to);
  if (from.is_float) {
    // C++ truncates, too, and what does not fit has no value.
    v1::Node whole = ConvertNode(std::move(operand->word), to.is_signed ? kSignedMark | 8 : 0);
    return Push(Extend(to.is_signed ? ConvertNode(std::move(whole), 0) : std::move(whole), to.size, to.is_signed), to);
  }
  if (from.generic) return UnsupportedExpression("conversion to floating point from a number of unknown sign");
  v1::Node whole = from.is_signed ? ConvertNode(std::move(operand->word), kSignedMark | 8) : std::move(operand->word);
  return Push(ConvertNode(std::move(whole), number), to);
}

absl::Status Evaluator::ConvertWide(Entry operand, const StackType& to) {
  const StackType& from = operand.type;
  if (IsWide(from) && to.is_float) {
    v1::Node number = from.is_signed ? AsSignedWide(std::move(operand.word)) : std::move(operand.word);
    return Push(ConvertNode(std::move(number), kFloatMark | to.size), to);
  }
  if (IsWide(from)) {
    if (IsWide(to)) return Push(std::move(operand.word), to);
    return Push(Extend(ConvertNode(std::move(operand.word), 0), to.size, to.is_signed), to);
  }
  if (from.generic) return UnsupportedExpression("conversion to a wide number from one of unknown sign");
  if (!from.is_float) return Push(Widened(std::move(operand.word), from.is_signed), to);
  v1::Node whole = to.is_signed ? AsSignedWide(std::move(operand.word)) : std::move(operand.word);
  return Push(ConvertNode(std::move(whole), kWideMark), to);
}

// Modulo 2^128; what depends on the sign goes through the signed type.
absl::Status Evaluator::WideArithmetic(const Dwarf_Op& op, Entry left, Entry right) {
  const StackType type = left.type;
  const auto typed = [&](v1::Operator o) {
    return Push(TypedBinaryNode(o, std::move(left.word), std::move(right.word), kWideMark), type);
  };
  const auto compared = [&](v1::Operator o) {
    if (type.is_signed && o != v1::OP_EQ && o != v1::OP_NE) {
      left.word = AsSignedWide(std::move(left.word));
      right.word = AsSignedWide(std::move(right.word));
    }
    return Push(TypedBinaryNode(o, std::move(left.word), std::move(right.word), 0));
  };
  switch (op.atom) {
    case DW_OP_plus:
      return typed(v1::OP_ADD);
    case DW_OP_minus:
      return typed(v1::OP_SUB);
    case DW_OP_mul:
      return typed(v1::OP_MUL);
    case DW_OP_and:
      return typed(v1::OP_AND);
    case DW_OP_or:
      return typed(v1::OP_OR);
    case DW_OP_xor:
      return typed(v1::OP_XOR);
    case DW_OP_eq:
      return compared(v1::OP_EQ);
    case DW_OP_ne:
      return compared(v1::OP_NE);
    case DW_OP_lt:
      return compared(v1::OP_LT);
    case DW_OP_le:
      return compared(v1::OP_LE);
    case DW_OP_gt:
      return compared(v1::OP_GT);
    case DW_OP_ge:
      return compared(v1::OP_GE);
    default:
      return UnsupportedExpression("location expression with a division or shift of integers wider than 64 bits");
  }
}

absl::Status Evaluator::FloatArithmetic(const Dwarf_Op& op, Entry left, Entry right) {
  if (left.type != right.type) return MalformedExpression("operands of different types");
  const auto is = [&op](int atom) { return op.atom == atom; };
  const v1::Operator arithmetic = is(DW_OP_plus)    ? v1::OP_ADD
                                  : is(DW_OP_minus) ? v1::OP_SUB
                                  : is(DW_OP_mul)   ? v1::OP_MUL
                                  : is(DW_OP_div)   ? v1::OP_DIV
                                                    : v1::OP_NONE;
  if (arithmetic != v1::OP_NONE) {
    const uint32_t type = kFloatMark | left.type.size;
    return Push(TypedBinaryNode(arithmetic, std::move(left.word), std::move(right.word), type), left.type);
  }
  const v1::Operator comparison = is(DW_OP_eq)   ? v1::OP_EQ
                                  : is(DW_OP_ne) ? v1::OP_NE
                                  : is(DW_OP_lt) ? v1::OP_LT
                                  : is(DW_OP_le) ? v1::OP_LE
                                  : is(DW_OP_gt) ? v1::OP_GT
                                  : is(DW_OP_ge) ? v1::OP_GE
                                                 : v1::OP_NONE;
  if (comparison == v1::OP_NONE) return MalformedExpression("integer operation on floating-point numbers");
  return Push(TypedBinaryNode(comparison, std::move(left.word), std::move(right.word), 0));
}

absl::Status Evaluator::Arithmetic(const Dwarf_Op& op) {
  absl::StatusOr<Entry> top = Pop();
  // Unknown operations fall through to the switch below, which names them.
  if (!top.ok() && op.atom < DW_OP_lo_user) return top.status();
  if (!top.ok()) return UnsupportedExpression(fmt::format("DWARF operation {:#x}", static_cast<unsigned>(op.atom)));
  Entry right = *std::move(top);
  const StackType type = right.type;
  if (type.is_float && op.atom == DW_OP_neg) {
    v1::Node negated = TypedNegation(std::move(right.word), type);
    return Push(std::move(negated), type);
  }
  if (IsWide(type) && (op.atom == DW_OP_neg || op.atom == DW_OP_not)) {
    v1::Node out = UnaryNode(op.atom == DW_OP_neg ? v1::OP_NEG : v1::OP_BIT_NOT, std::move(right.word));
    out.set_type(kWideMark);
    return Push(std::move(out), type);
  }
  const bool binary = op.atom != DW_OP_deref && op.atom != DW_OP_deref_size && op.atom != DW_OP_plus_uconst &&
                      op.atom != DW_OP_not && op.atom != DW_OP_abs;
  if (IsWide(type) && (!binary || op.atom == DW_OP_plus_uconst)) {
    return UnsupportedExpression("location expression with this operation on an integer wider than 64 bits");
  }
  if (type.is_float && !binary)
    return UnsupportedExpression("location expression with an integer operation on a floating-point number");
  auto typed = [&](v1::Node word) { return Push(Extend(std::move(word), type.size, type.is_signed), type); };
  switch (op.atom) {
    case DW_OP_deref:
      return Push(LoadNode(std::move(right.word), 8));
    case DW_OP_deref_size:
      if (op.number < 1 || op.number > 8) return MalformedExpression("DW_OP_deref_size of a bad size");
      return Push(LoadNode(std::move(right.word), static_cast<uint32_t>(op.number)));
    case DW_OP_plus_uconst:
      return typed(BinaryNode(v1::OP_ADD, std::move(right.word), ConstantNode(op.number)));
    case DW_OP_neg:
      return typed(UnaryNode(v1::OP_NEG, std::move(right.word)));
    case DW_OP_not:
      return typed(UnaryNode(v1::OP_BIT_NOT, std::move(right.word)));
    case DW_OP_abs: {
      if (!type.generic && !type.is_signed) return typed(std::move(right.word));
      const v1::Node sign = SignOf(right.word);
      return typed(ApplySign(std::move(right.word), sign));
    }
    default:
      break;
  }
  absl::StatusOr<Entry> second = Pop();
  if (!second.ok()) {
    return op.atom <= DW_OP_ne
               ? second.status()
               : UnsupportedExpression(fmt::format("DWARF operation {:#x}", static_cast<unsigned>(op.atom)));
  }
  Entry left = *std::move(second);
  if (left.type.is_float || right.type.is_float) return FloatArithmetic(op, std::move(left), std::move(right));
  const bool shift = op.atom == DW_OP_shl || op.atom == DW_OP_shr || op.atom == DW_OP_shra;
  if (!shift && left.type != right.type && !AdoptType(&left, &right))
    return MalformedExpression("operands of different types");
  if (IsWide(left.type) || IsWide(right.type)) return WideArithmetic(op, std::move(left), std::move(right));
  const StackType result = left.type;
  auto push = [&](v1::Operator o) {
    return Push(Extend(BinaryNode(o, std::move(left.word), std::move(right.word)), result.size, result.is_signed),
                result);
  };
  switch (op.atom) {
    case DW_OP_plus:
      return push(v1::OP_ADD);
    case DW_OP_minus:
      return push(v1::OP_SUB);
    case DW_OP_mul:
      return push(v1::OP_MUL);
    case DW_OP_and:
      return push(v1::OP_AND);
    case DW_OP_or:
      return push(v1::OP_OR);
    case DW_OP_xor:
      return push(v1::OP_XOR);
    case DW_OP_div:
    case DW_OP_mod:
    case DW_OP_shl:
    case DW_OP_shr:
    case DW_OP_shra:
      return SignedArithmetic(op.atom, std::move(left), std::move(right));
    case DW_OP_eq:
      return Compare(v1::OP_EQ, std::move(left), std::move(right));
    case DW_OP_ne:
      return Compare(v1::OP_NE, std::move(left), std::move(right));
    case DW_OP_lt:
      return Compare(v1::OP_LT, std::move(left), std::move(right));
    case DW_OP_le:
      return Compare(v1::OP_LE, std::move(left), std::move(right));
    case DW_OP_gt:
      return Compare(v1::OP_GT, std::move(left), std::move(right));
    case DW_OP_ge:
      return Compare(v1::OP_GE, std::move(left), std::move(right));
    default:
      return UnsupportedExpression(fmt::format("DWARF operation {:#x}", static_cast<unsigned>(op.atom)));
  }
}

// Operations whose result depends on signedness or that are undefined for some right operands: the machine word's own
// division is unsigned and its shifts end at 63.
absl::Status Evaluator::SignedArithmetic(uint8_t atom, Entry left, Entry right) {
  const StackType type = left.type;
  const uint32_t bits = type.size * 8;
  const std::optional<uint64_t> amount = ConstantValue(right.word);
  auto push = [&](v1::Node word) { return Push(Extend(std::move(word), type.size, type.is_signed), type); };
  if (atom == DW_OP_div || atom == DW_OP_mod) {
    if (amount == 0u) return MalformedExpression("division by zero");
    const bool is_signed = type.is_signed || (type.generic && atom == DW_OP_div);
    // On the generic type modulo is unsigned (gdb, and DWARF 5 section 2.5.1.4 by its "modulo").
    if (atom == DW_OP_mod && is_signed) return UnsupportedExpression("signed modulo in a location expression");
    v1::Node result = is_signed           ? DivideSigned(left.word, right.word)
                      : atom == DW_OP_div ? BinaryNode(v1::OP_DIV, std::move(left.word), right.word)
                                          : BinaryNode(v1::OP_MOD, std::move(left.word), right.word);
    if (amount.has_value()) return push(std::move(result));
    return push(CheckedNode(BinaryNode(v1::OP_NE, right.word, ConstantNode(0)), std::move(result), "division by zero"));
  }
  if (amount.has_value() && *amount >= bits) {
    if (atom != DW_OP_shra) return push(ConstantNode(0));
    right.word = ConstantNode(bits - 1);
  }
  v1::Node result = atom == DW_OP_shl ? BinaryNode(v1::OP_SHL, std::move(left.word), right.word)
                    : atom == DW_OP_shr
                        ? BinaryNode(v1::OP_SHR, Extend(std::move(left.word), type.size, false), right.word)
                        // The sign is that of the type's width, whatever its signedness.
                        : ShiftRightSigned(Extend(std::move(left.word), type.size, true), right.word);
  if (amount.has_value()) return push(std::move(result));
  return push(
      CheckedNode(BinaryNode(v1::OP_LT, right.word, ConstantNode(bits)), std::move(result), "shift out of range"));
}

absl::Status Evaluator::Compare(v1::Operator op, Entry left, Entry right) {
  // Signed order is unsigned order with the sign bit flipped.
  if ((left.type.generic || left.type.is_signed) && op != v1::OP_EQ && op != v1::OP_NE) {
    left.word = BinaryNode(v1::OP_XOR, std::move(left.word), ConstantNode(kSignBit));
    right.word = BinaryNode(v1::OP_XOR, std::move(right.word), ConstantNode(kSignBit));
  }
  return Push(BinaryNode(op, std::move(left.word), std::move(right.word)));
}

}  // namespace dlog::dwarf
