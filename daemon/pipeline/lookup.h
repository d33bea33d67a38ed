// SPDX-License-Identifier: Apache-2.0
//
// Pairs of a map: its keys and values, and the search for a key among the captured ones.
#pragma once

#include <array>
#include <string_view>

#include "daemon/pipeline/evaluator.h"

namespace dlog::pipeline {

// The two parts of an element of a map: the first two members of its shape or of its struct. False when it has none.
bool KeyAndValue(const Object& element, const TypeTable& types, const MemoryImage& image, std::array<Object, 2>* parts);

// What a key has to be: a scalar, or the contents of a string.
struct WantedKey {
  const Scalar* scalar = nullptr;
  std::string_view text;
};

// The value of `key` in `container`. A failure of type `type` with STATUS_ERROR "no such key" when all elements were
// looked at; with another reason when not all of them were captured, or the container makes no sense.
Object LookUp(const Object& container, const WantedKey& key, uint32_t type, const TypeTable& types,
              const MemoryImage& image);

}  // namespace dlog::pipeline
