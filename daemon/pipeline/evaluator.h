// SPDX-License-Identifier: Apache-2.0
//
// Evaluates plan Nodes over a MemoryImage with C++ semantics.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "daemon/pipeline/memory_image.h"
#include "daemon/pipeline/scalar.h"
#include "google/protobuf/repeated_field.h"
#include "plan.pb.h"

namespace dlog::pipeline {

inline constexpr int kMaxNodeDepth = 64;
inline constexpr int kMaxNodesPerEvaluation = 4096;
inline constexpr uint32_t kMaxInlineBytes = 64;

// Bytes [begin, end) of an Object in hand that have no value, and why.
struct Hole {
  uint32_t begin = 0;
  uint32_t end = 0;
  v1::ValueStatus status = v1::STATUS_OPTIMIZED_OUT;
  std::string reason;
};

// A piece of an Object in hand that ends behind `Object::bytes`: bytes [begin, end) of the object are in memory at
// `value`, or are the low bytes of `value`.
struct FarPiece {
  uint32_t begin = 0;
  uint32_t end = 0;
  bool in_memory = false;
  uint64_t value = 0;
};

// The result of a Node: an object in memory, or bytes in hand, or a failure with its reason.
struct Object {
  uint32_t type = 0;
  v1::ValueStatus status = v1::STATUS_OK;
  std::string reason;  // when status != OK
  bool in_memory = false;
  // in_memory: where the object is. Otherwise 0, or a place in the pseudo address range that stands for the object in
  // hand while one of its Shape's nodes is evaluated.
  uint64_t address = 0;
  // !in_memory: the value's bytes, the first kMaxInlineBytes of them; larger composites are PARTIAL, and what is behind
  // those is in `far`.
  std::array<uint8_t, kMaxInlineBytes> bytes = {};
  uint64_t valid = 0;  // bit i: bytes[i] is known (composites may have holes)
  uint32_t byte_size = 0;
  std::vector<Hole> holes;  // PARTIAL: what is missing in `bytes`, and what is or may be missing behind them
  std::vector<FarPiece> far;
  // Bit n of entry i: bit n of bytes[i] is known. Empty unless some byte is known in part (pieces of bits).
  std::vector<uint8_t> known_bits;
  uint32_t bit_size = 0;  // bitfield member of an object in memory or in hand
  uint32_t bit_offset = 0;

  // There are bytes to look at, at least some.
  bool usable() const { return status == v1::STATUS_OK || status == v1::STATUS_PARTIAL; }
};

// Never fails as a call: failures are in the Object. `self` is the address for Node::self (inside Shapes).
// Depth and size are limited (kMaxNodeDepth, kMaxNodesPerEvaluation); a malformed Node gives STATUS_ERROR.
Object Evaluate(const v1::Node& node, const TypeTable& types, const MemoryImage& image, uint64_t self = 0);

// The same for a Shape's node: `self` is an object in memory, or one in hand (a struct in registers), whose bytes the
// node then reads as if they were in memory.
Object EvaluateInside(const v1::Node& node, const TypeTable& types, const MemoryImage& image, const Object& self);

// The value of a node that is a machine word, when it comes from nothing but registers, constants, `self`, words in
// memory, sums and products of them, as nearly all addresses and sizes do: much cheaper than an Object. False for all
// others, and when something is missing: Evaluate tells what. `self` is in memory, at this address.
bool EvaluateWord(const v1::Node& node, const TypeTable& types, const MemoryImage& image, uint64_t self, uint64_t* out);

// The same for an integer of any size that an operator or a conversion makes of such words: the value is as many of the
// low bits of `out` as its type has.
bool EvaluateBits(const v1::Node& node, const TypeTable& types, const MemoryImage& image, uint64_t* out);

// Where the object in memory that a node stands for is, when that follows in the same way. False for all others.
bool EvaluatePlace(const v1::Node& node, const TypeTable& types, const MemoryImage& image, uint64_t self,
                   uint64_t* out);

// The object of `type` at `address`, which may lie inside `self` when that is in hand. `self` may be null.
Object ObjectAt(uint64_t address, uint32_t type, const TypeTable& types, const Object* self);

// Whether `address`, the result of a Shape's node, lies inside `self`, which is in hand; and where in its bytes.
bool OffsetInHand(const Object& self, uint64_t address, uint32_t* offset);

// A part of an object; the object may be in memory or in hand. bit_size 0 = not a bitfield.
Object MemberOf(const Object& object, uint64_t offset, uint32_t type, uint32_t bit_size, uint32_t bit_offset,
                const TypeTable& types);

// Bytes of a type in memory; 8 for index 0. False for a bad index. Zero means unknown.
bool TypeSize(uint32_t type, const TypeTable& types, uint64_t* size);

// Reads a scalar Object of any kind, bitfields included, as its own type.
// On failure returns false and fills status/reason.
bool LoadScalar(const Object& object, const TypeTable& types, const MemoryImage& image, Scalar* out,
                v1::ValueStatus* status, std::string* reason);

// Reads a scalar Object (integer, bool, char, enum, pointer, reference) as a sign- or zero-extended machine word.
// On failure returns false and fills status/reason.
bool ReadScalar(const Object& object, const TypeTable& types, const MemoryImage& image, uint64_t* out,
                v1::ValueStatus* status, std::string* reason);

}  // namespace dlog::pipeline
