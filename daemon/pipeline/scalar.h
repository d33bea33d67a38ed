// SPDX-License-Identifier: Apache-2.0
//
// Scalars of the target as C++ sees them: integers up to 128 bits, bool, enums and pointers as integers, binary32,
// binary64 and x87 80-bit floating point. Pure functions; a failed operation says why in a constant string.
#pragma once

#include <cstdint>

#include "google/protobuf/repeated_field.h"
#include "plan.pb.h"

namespace dlog::pipeline {

using TypeTable = google::protobuf::RepeatedPtrField<v1::Type>;
using Int128 = __int128;
using Uint128 = unsigned __int128;

enum class ScalarKind : uint8_t {
  kNone,  // not a scalar, or of a size or format that is not supported
  kBool,
  kSigned,
  kUnsigned,
  kFloat,
};

struct ScalarType {
  ScalarKind kind = ScalarKind::kNone;
  uint8_t size = 0;  // bytes in memory: 1, 2, 4, 8, 16; floats 4, 8, 12 or 16 (x87: ten of them are the value)

  bool is_integral() const { return kind == ScalarKind::kSigned || kind == ScalarKind::kUnsigned || is_bool(); }
  bool is_bool() const { return kind == ScalarKind::kBool; }
  bool is_float() const { return kind == ScalarKind::kFloat; }
  // Bytes that carry the value: what has to be captured to know it.
  uint32_t value_bytes() const { return is_float() && size > 8 ? 10 : size; }
  friend bool operator==(const ScalarType&, const ScalarType&) = default;
};

inline constexpr ScalarType kMachineWord = {ScalarKind::kUnsigned, 8};
inline constexpr ScalarType kBoolType = {ScalarKind::kBool, 1};
inline constexpr ScalarType kIntType = {ScalarKind::kSigned, 4};

// Index 0 is the machine word. kNone for aggregates, functions, void, bad indices and unsupported formats.
ScalarType ScalarTypeOf(uint32_t type, const TypeTable& types);

struct Scalar {
  ScalarType type;
  Uint128 bits = 0;      // integers: sign- or zero-extended to 128 bits
  long double real = 0;  // floats: exact

  bool truth() const { return type.is_float() ? real != 0 : bits != 0; }
  Int128 as_signed() const { return static_cast<Int128>(bits); }
};

// `bytes` holds type.value_bytes() bytes. Null on success, else the reason (x87 encodings that are no number).
const char* DecodeScalar(ScalarType type, const uint8_t* bytes, Scalar* out);
// Writes type.size bytes, padding zeroed.
void EncodeScalar(const Scalar& value, uint8_t* bytes);

// Truncates to the type's width and extends again.
Scalar MakeInteger(ScalarType type, Uint128 bits);
Scalar MakeBool(bool value);

// static_cast<to>(value). Null on success; float to integer out of range is an error, as it is undefined in C++.
const char* ConvertScalar(const Scalar& value, ScalarType to, Scalar* out);

}  // namespace dlog::pipeline
