// SPDX-License-Identifier: Apache-2.0
#include "daemon/pipeline/scalar.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace dlog::pipeline {
namespace {

constexpr uint32_t kX87Bytes = 10;

bool IsIntegerSize(uint64_t size) { return size == 1 || size == 2 || size == 4 || size == 8 || size == 16; }

ScalarType Integer(ScalarKind kind, uint64_t size) {
  if (!IsIntegerSize(size)) return {};
  return {kind, static_cast<uint8_t>(size)};
}

ScalarType Float(const v1::Type& type) {
  // __float128 and x87 long double have the same size; only the name tells them apart.
  if (type.size() == 16 && type.name().find("128") != std::string::npos) return {};
  if (type.size() != 2 && type.size() != 4 && type.size() != 8 && type.size() != 12 && type.size() != 16) return {};
  return {ScalarKind::kFloat, static_cast<uint8_t>(type.size())};
}

template <typename T>
T FromBytes(const uint8_t* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

// IEEE binary16; __bf16 is kept out by its name.
long double HalfFromBits(uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const auto fraction = static_cast<long double>(bits & 1023);
  long double value = std::ldexp(fraction + (exponent != 0 ? 1024 : 0), std::max(exponent, 1) - 25);
  if (exponent == 31)
    value =
        fraction == 0 ? std::numeric_limits<long double>::infinity() : std::numeric_limits<long double>::quiet_NaN();
  return bits >> 15 != 0 ? -value : value;
}

const char* DecodeX87(const uint8_t* bytes, long double* out) {
  const uint64_t mantissa = FromBytes<uint64_t>(bytes);
  const uint16_t exponent = FromBytes<uint16_t>(bytes + 8) & 0x7fff;
  // Without the integer bit a non-zero exponent encodes nothing since the 80387; libraries misread such values.
  if (exponent != 0 && mantissa >> 63 == 0) return "invalid 80-bit floating-point encoding";
  long double value = 0;
  std::memcpy(&value, bytes, kX87Bytes);
  *out = value;
  return nullptr;
}

}  // namespace

ScalarType ScalarTypeOf(uint32_t index, const TypeTable& types) {
  if (index == 0) return kMachineWord;
  if (index >= static_cast<uint32_t>(types.size())) return {};
  const v1::Type& type = types.Get(static_cast<int>(index));
  switch (type.kind()) {
    case v1::TYPE_BOOL:
      return Integer(ScalarKind::kBool, type.size());
    case v1::TYPE_SIGNED:
    case v1::TYPE_CHAR:
      return Integer(ScalarKind::kSigned, type.size());
    case v1::TYPE_UNSIGNED:
    case v1::TYPE_UCHAR:
      return Integer(ScalarKind::kUnsigned, type.size());
    case v1::TYPE_UTF_CHAR:
    case v1::TYPE_ENUM:
      return Integer(type.is_signed() ? ScalarKind::kSigned : ScalarKind::kUnsigned, type.size());
    case v1::TYPE_POINTER:
    case v1::TYPE_REFERENCE:
      return type.size() == 8 || type.size() == 0 ? kMachineWord : ScalarType{};
    case v1::TYPE_FLOAT:
      return Float(type);
    default:
      return {};
  }
}

const char* DecodeScalar(ScalarType type, const uint8_t* bytes, Scalar* out) {
  out->type = type;
  if (type.is_float()) {
    if (type.size == 2) {
      out->real = HalfFromBits(FromBytes<uint16_t>(bytes));
    } else if (type.size == 4) {
      out->real = FromBytes<float>(bytes);
    } else if (type.size == 8) {
      out->real = FromBytes<double>(bytes);
    } else {
      return DecodeX87(bytes, &out->real);
    }
    return nullptr;
  }
  Uint128 bits = 0;
  std::memcpy(&bits, bytes, type.size);
  *out = MakeInteger(type.is_bool() ? ScalarType{ScalarKind::kUnsigned, type.size} : type, bits);
  out->type = type;
  return nullptr;
}

void EncodeScalar(const Scalar& value, uint8_t* bytes) {
  std::memset(bytes, 0, value.type.size);
  if (!value.type.is_float()) {
    std::memcpy(bytes, &value.bits, value.type.size);
  } else if (value.type.size == 2) {
    return;  // ConvertScalar makes none
  } else if (value.type.size == 4) {
    const float real = static_cast<float>(value.real);
    std::memcpy(bytes, &real, sizeof(real));
  } else if (value.type.size == 8) {
    const double real = static_cast<double>(value.real);
    std::memcpy(bytes, &real, sizeof(real));
  } else {
    std::memcpy(bytes, &value.real, kX87Bytes);
  }
}

Scalar MakeInteger(ScalarType type, Uint128 bits) {
  Scalar value;
  value.type = type;
  if (type.is_bool()) {
    value.bits = bits != 0;
    return value;
  }
  const unsigned shift = 128 - 8 * type.size;
  value.bits = bits << shift;
  if (type.kind == ScalarKind::kSigned) {
    value.bits = static_cast<Uint128>(static_cast<Int128>(value.bits) >> shift);
  } else {
    value.bits >>= shift;
  }
  return value;
}

Scalar MakeBool(bool value) { return MakeInteger(kBoolType, value); }

const char* ConvertScalar(const Scalar& value, ScalarType to, Scalar* out) {
  if (to.kind == ScalarKind::kNone || value.type.kind == ScalarKind::kNone) return "not a scalar";
  if (to.is_bool()) {
    const bool truth = value.truth();
    *out = MakeInteger(to, truth);
    return nullptr;
  }
  if (to.is_float() && to.size == 2 && value.type.size != 2) return "conversion to a half is not supported";
  if (to.is_float()) {
    long double real = value.real;
    if (!value.type.is_float()) {
      // One rounding only: straight from the integer to the final format.
      if (value.type.kind == ScalarKind::kSigned) {
        const Int128 number = value.as_signed();
        real = to.size == 4   ? static_cast<float>(number)
               : to.size == 8 ? static_cast<double>(number)
                              : static_cast<long double>(number);
      } else {
        const Uint128 number = value.bits;
        real = to.size == 4   ? static_cast<float>(number)
               : to.size == 8 ? static_cast<double>(number)
                              : static_cast<long double>(number);
      }
    } else if (to.size == 4) {
      real = static_cast<float>(real);
    } else if (to.size == 8) {
      real = static_cast<double>(real);
    }
    out->type = to;
    out->bits = 0;
    out->real = real;
    return nullptr;
  }
  if (!value.type.is_float()) {
    *out = MakeInteger(to, value.bits);
    return nullptr;
  }
  const long double whole = std::truncl(value.real);
  const bool is_signed = to.kind == ScalarKind::kSigned;
  const long double limit = std::ldexp(1.0L, 8 * to.size - (is_signed ? 1 : 0));
  // Written so that NaN fails too.
  if (!(whole < limit && whole >= (is_signed ? -limit : 0.0L))) return "floating-point value out of range of the type";
  *out = MakeInteger(to, is_signed ? static_cast<Uint128>(static_cast<Int128>(whole)) : static_cast<Uint128>(whole));
  return nullptr;
}

}  // namespace dlog::pipeline
