// SPDX-License-Identifier: Apache-2.0
//
// Evaluates plan Nodes over a MemoryImage with C++ semantics.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "daemon/pipeline/memory_image.h"
#include "google/protobuf/repeated_field.h"
#include "plan.pb.h"

namespace dlog::pipeline {

using TypeTable = google::protobuf::RepeatedPtrField<v1::Type>;

// The result of a Node: an object in memory, or bytes in hand, or a failure with its reason.
struct Object {
  uint32_t type = 0;
  v1::ValueStatus status = v1::STATUS_OK;
  std::string reason;               // when status != OK
  bool in_memory = false;
  uint64_t address = 0;             // in_memory
  // !in_memory: the value's bytes; small values only (kMaxInlineBytes); larger composites are PARTIAL.
  std::array<uint8_t, 64> bytes = {};
  uint64_t valid = 0;               // bit i: bytes[i] is known (composites may have holes)
  uint32_t byte_size = 0;
  uint32_t bit_size = 0;            // bitfield member of an object in memory or in hand
  uint32_t bit_offset = 0;
};

// Never fails as a call: failures are in the Object. `self` is the address for Node::self (inside Shapes).
// Depth and size are limited (kMaxNodeDepth); a malformed Node gives STATUS_ERROR.
Object Evaluate(const v1::Node& node, const TypeTable& types, const MemoryImage& image, uint64_t self = 0);

// Reads a scalar Object (integer, bool, char, enum, pointer, reference) as a sign- or zero-extended machine word.
// On failure returns false and fills status/reason.
bool ReadScalar(const Object& object, const TypeTable& types, const MemoryImage& image, uint64_t* out,
                v1::ValueStatus* status, std::string* reason);

}  // namespace dlog::pipeline
