// SPDX-License-Identifier: Apache-2.0
#include "daemon/attach/range_allocator.h"

#include <random>
#include <vector>

#include "test/catch.h"

namespace dlog::attach {

TEST_CASE("ranges fill the table and no more") {
  RangeAllocator ranges(10);
  CHECK(ranges.Allocate(4) == 0u);
  CHECK(ranges.Allocate(6) == 4u);
  CHECK_FALSE(ranges.Allocate(1).has_value());
}

TEST_CASE("freed neighbours become one range, whatever the order") {
  for (const std::vector<uint32_t>& order : {std::vector<uint32_t>{0, 1, 2}, {2, 1, 0}, {0, 2, 1}, {1, 0, 2}}) {
    RangeAllocator ranges(9);
    for (int i = 0; i < 3; ++i) ranges.Allocate(3);
    for (uint32_t i : order) ranges.Free(i * 3, 3);
    CHECK(ranges.Allocate(9) == 0u);
  }
}

TEST_CASE("a hole that is too small is passed over") {
  RangeAllocator ranges(10);
  ranges.Allocate(2);
  ranges.Allocate(2);
  ranges.Free(0, 2);
  CHECK(ranges.Allocate(3) == 4u);
  CHECK(ranges.Allocate(2) == 0u);
}

TEST_CASE("no entry is handed out twice") {
  std::mt19937 random(1);
  RangeAllocator ranges(200);
  std::vector<bool> used(200);
  std::vector<std::pair<uint32_t, uint32_t>> held;
  for (int i = 0; i < 5000; ++i) {
    if (random() % 2 == 0) {
      const uint32_t count = 1 + random() % 20;
      if (const auto first = ranges.Allocate(count)) {
        for (uint32_t k = *first; k < *first + count; ++k) {
          REQUIRE_FALSE(used.at(k));
          used[k] = true;
        }
        held.emplace_back(*first, count);
      }
    } else if (!held.empty()) {
      std::swap(held[random() % held.size()], held.back());
      for (uint32_t k = 0; k < held.back().second; ++k) used[held.back().first + k] = false;
      ranges.Free(held.back().first, held.back().second);
      held.pop_back();
    }
  }
  for (const auto& [first, count] : held) ranges.Free(first, count);
  CHECK(ranges.Allocate(200) == 0u);
}

}  // namespace dlog::attach
