// SPDX-License-Identifier: Apache-2.0
#include "daemon/pipeline/arithmetic.h"

#include <algorithm>
#include <cmath>

namespace dlog::pipeline {
namespace {

constexpr char kOverflow[] = "signed overflow";
constexpr char kDivisionByZero[] = "division by zero";
constexpr char kShiftRange[] = "shift out of range";
constexpr char kNotApplicable[] = "operator does not apply to these types";

ScalarType Promoted(ScalarType type) { return type.is_bool() || type.size < kIntType.size ? kIntType : type; }

ScalarType Common(ScalarType left, ScalarType right) {
  if (left.is_float() || right.is_float()) {
    const uint8_t left_size = left.is_float() ? left.size : 0;
    const uint8_t right_size = right.is_float() ? right.size : 0;
    return {ScalarKind::kFloat, std::max(left_size, right_size)};
  }
  left = Promoted(left);
  right = Promoted(right);
  if (left.size != right.size) return left.size > right.size ? left : right;
  return left.kind == ScalarKind::kUnsigned ? left : right;
}

bool IsComparison(v1::Operator op) { return op >= v1::OP_EQ && op <= v1::OP_GE; }

template <typename T>
bool Compare(v1::Operator op, T left, T right) {
  switch (op) {
    case v1::OP_EQ:
      return left == right;
    case v1::OP_NE:
      return left != right;
    case v1::OP_LT:
      return left < right;
    case v1::OP_LE:
      return left <= right;
    case v1::OP_GT:
      return left > right;
    default:
      return left >= right;
  }
}

// In the operands' own precision, so that the result is rounded as the target would have rounded it.
template <typename T>
const char* FloatArithmetic(v1::Operator op, T left, T right, long double* out) {
  switch (op) {
    case v1::OP_ADD:
      *out = left + right;
      return nullptr;
    case v1::OP_SUB:
      *out = left - right;
      return nullptr;
    case v1::OP_MUL:
      *out = left * right;
      return nullptr;
    case v1::OP_DIV:
      // IEEE division by zero is defined: an infinity or NaN. Spelled out because UBSan calls it an error.
      if (right == 0) {
        *out = left == 0 || std::isnan(left)
                   ? __builtin_nanl("")
                   : (__builtin_signbit(left) != __builtin_signbit(right) ? -__builtin_infl() : __builtin_infl());
        return nullptr;
      }
      *out = left / right;
      return nullptr;
    default:
      return kNotApplicable;
  }
}

const char* ApplyFloat(v1::Operator op, const Scalar& left, const Scalar& right, Scalar* out) {
  if (IsComparison(op)) {
    *out = MakeBool(Compare(op, left.real, right.real));
    return nullptr;
  }
  out->type = left.type;
  out->bits = 0;
  if (left.type.size == 4) {
    return FloatArithmetic(op, static_cast<float>(left.real), static_cast<float>(right.real), &out->real);
  }
  if (left.type.size == 8) {
    return FloatArithmetic(op, static_cast<double>(left.real), static_cast<double>(right.real), &out->real);
  }
  return FloatArithmetic(op, left.real, right.real, &out->real);
}

const char* ApplySigned(v1::Operator op, ScalarType type, Int128 left, Int128 right, Scalar* out) {
  Int128 result = 0;
  bool overflow = false;
  switch (op) {
    case v1::OP_ADD:
      overflow = __builtin_add_overflow(left, right, &result);
      break;
    case v1::OP_SUB:
      overflow = __builtin_sub_overflow(left, right, &result);
      break;
    case v1::OP_MUL:
      overflow = __builtin_mul_overflow(left, right, &result);
      break;
    case v1::OP_DIV:
    case v1::OP_MOD: {
      if (right == 0) return kDivisionByZero;
      if (right == -1) {  // the one quotient that may not fit; for % it is undefined just the same
        overflow = __builtin_sub_overflow(Int128{0}, left, &result);
        if (overflow || MakeInteger(type, static_cast<Uint128>(result)).as_signed() != result) return kOverflow;
        if (op == v1::OP_MOD) result = 0;
        break;
      }
      result = op == v1::OP_DIV ? left / right : left % right;
      break;
    }
    default:
      return kNotApplicable;
  }
  *out = MakeInteger(type, static_cast<Uint128>(result));
  if (overflow || out->as_signed() != result) return kOverflow;
  return nullptr;
}

const char* ApplyUnsigned(v1::Operator op, ScalarType type, Uint128 left, Uint128 right, Scalar* out) {
  Uint128 result = 0;
  switch (op) {
    case v1::OP_ADD:
      result = left + right;
      break;
    case v1::OP_SUB:
      result = left - right;
      break;
    case v1::OP_MUL:
      result = left * right;
      break;
    case v1::OP_DIV:
    case v1::OP_MOD:
      if (right == 0) return kDivisionByZero;
      result = op == v1::OP_DIV ? left / right : left % right;
      break;
    default:
      return kNotApplicable;
  }
  *out = MakeInteger(type, result);
  return nullptr;
}

const char* ApplyShift(v1::Operator op, const Scalar& left, const Scalar& right, Scalar* out) {
  if (!left.type.is_integral() || !right.type.is_integral()) return kNotApplicable;
  const ScalarType type = Promoted(left.type);
  const Scalar value = MakeInteger(type, left.bits);
  // A negative count is a huge one here.
  if (right.bits >= Uint128{8} * type.size) return kShiftRange;
  const auto count = static_cast<unsigned>(right.bits);
  if (op == v1::OP_SHL) {  // C++20: modulo 2^N, signed too
    *out = MakeInteger(type, value.bits << count);
  } else if (type.kind == ScalarKind::kSigned) {
    *out = MakeInteger(type, static_cast<Uint128>(value.as_signed() >> count));
  } else {
    *out = MakeInteger(type, value.bits >> count);
  }
  return nullptr;
}

const char* ApplyIntegers(v1::Operator op, ScalarType type, const Scalar& left, const Scalar& right, Scalar* out) {
  const bool is_signed = type.kind == ScalarKind::kSigned;
  if (IsComparison(op)) {
    *out = MakeBool(is_signed ? Compare(op, left.as_signed(), right.as_signed()) : Compare(op, left.bits, right.bits));
    return nullptr;
  }
  switch (op) {
    case v1::OP_AND:
      *out = MakeInteger(type, left.bits & right.bits);
      return nullptr;
    case v1::OP_OR:
      *out = MakeInteger(type, left.bits | right.bits);
      return nullptr;
    case v1::OP_XOR:
      *out = MakeInteger(type, left.bits ^ right.bits);
      return nullptr;
    default:
      return is_signed ? ApplySigned(op, type, left.as_signed(), right.as_signed(), out)
                       : ApplyUnsigned(op, type, left.bits, right.bits, out);
  }
}

}  // namespace

const char* ApplyUnary(v1::Operator op, const Scalar& operand, Scalar* out) {
  if (op == v1::OP_NOT) {
    *out = MakeBool(!operand.truth());
    return nullptr;
  }
  if (operand.type.is_float()) {
    if (op != v1::OP_NEG) return kNotApplicable;
    *out = operand;
    out->real = -operand.real;
    return nullptr;
  }
  const ScalarType type = Promoted(operand.type);
  const Scalar value = MakeInteger(type, operand.bits);
  if (op == v1::OP_BIT_NOT) {
    *out = MakeInteger(type, ~value.bits);
    return nullptr;
  }
  if (op != v1::OP_NEG) return kNotApplicable;
  return ApplyIntegers(v1::OP_SUB, type, MakeInteger(type, 0), value, out);
}

const char* ApplyBinary(v1::Operator op, const Scalar& left, const Scalar& right, Scalar* out) {
  if (op == v1::OP_LOGICAL_AND || op == v1::OP_LOGICAL_OR) {
    *out = MakeBool(op == v1::OP_LOGICAL_AND ? left.truth() && right.truth() : left.truth() || right.truth());
    return nullptr;
  }
  if (op == v1::OP_SHL || op == v1::OP_SHR) return ApplyShift(op, left, right, out);
  const ScalarType type = Common(left.type, right.type);
  Scalar a;
  Scalar b;
  if (const char* reason = ConvertScalar(left, type, &a)) return reason;
  if (const char* reason = ConvertScalar(right, type, &b)) return reason;
  return type.is_float() ? ApplyFloat(op, a, b, out) : ApplyIntegers(op, type, a, b, out);
}

}  // namespace dlog::pipeline
