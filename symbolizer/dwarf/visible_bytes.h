// SPDX-License-Identifier: Apache-2.0
//
// Which bytes of an object may be captured when something in it is redacted. Works on the type table alone.
#pragma once

#include <cstdint>
#include <vector>

#include "google/protobuf/repeated_field.h"
#include "plan.pb.h"

namespace dlog::dwarf {

using TypeTable = google::protobuf::RepeatedPtrField<v1::Type>;

struct ByteRange {
  uint64_t begin = 0;
  uint64_t end = 0;
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

// The bytes of an object of `type` up to the last one that a field describes, without those that are redacted:
// ascending, apart from each other, at most kMaxVisibleRanges (what is behind them is left out). The padding at its end
// is none of them: a derived class may have put its own members there. Virtual bases are none: they are objects of
// their own.
std::vector<ByteRange> VisibleBytes(const TypeTable& types, uint32_t type);
inline constexpr size_t kMaxVisibleRanges = 64;

// The bytes of an object of `type` that are redacted, by ascending begin.
std::vector<ByteRange> HiddenBytes(const TypeTable& types, uint32_t type);

bool Overlap(const std::vector<ByteRange>& a, const std::vector<ByteRange>& b);

// Whether something inside the object, at any depth, is redacted. A pointer hides nothing.
bool HidesBytes(const TypeTable& types, uint32_t type);

// Once the fields of `type` are known: fields that share bytes with a redacted one (members of unions, bit-fields in
// the same storage) are redacted, too.
void MarkSharedBytes(TypeTable* types, uint32_t type);

}  // namespace dlog::dwarf
