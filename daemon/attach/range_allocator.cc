// SPDX-License-Identifier: Apache-2.0
#include "daemon/attach/range_allocator.h"

#include <iterator>

namespace dlog::attach {

std::optional<uint32_t> RangeAllocator::Allocate(uint32_t count) {
  for (auto it = free_.begin(); it != free_.end(); ++it) {
    const auto [first, available] = *it;
    if (available < count) continue;
    free_.erase(it);
    if (available > count) free_.emplace(first + count, available - count);
    return first;
  }
  return std::nullopt;
}

void RangeAllocator::Free(uint32_t first, uint32_t count) {
  auto next = free_.lower_bound(first);
  if (next != free_.end() && first + count == next->first) {
    count += next->second;
    next = free_.erase(next);
  }
  if (next != free_.begin()) {
    auto previous = std::prev(next);
    if (previous->first + previous->second == first) {
      previous->second += count;
      return;
    }
  }
  free_.emplace(first, count);
}

}  // namespace dlog::attach
