// SPDX-License-Identifier: Apache-2.0
//
// Hands out ranges of the entries of a plan table.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

namespace dlog::attach {

// First fit, neighbours merge when freed. Thread-compatible.
class RangeAllocator {
 public:
  explicit RangeAllocator(uint32_t capacity) : free_({{0, capacity}}) {}

  // First entry of `count` free ones; nullopt when there is no such range. count >= 1.
  std::optional<uint32_t> Allocate(uint32_t count);
  // Exactly what Allocate(count) returned, once.
  void Free(uint32_t first, uint32_t count);

 private:
  std::map<uint32_t, uint32_t> free_;  // first -> count
};

}  // namespace dlog::attach
