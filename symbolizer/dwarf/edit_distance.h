// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace dlog::dwarf {

// Collects names close to `wanted` (letter case counts little, insertions, deletions and replacements one each).
class CloseNames {
 public:
  explicit CloseNames(std::string_view wanted);
  // `key` is compared, `shown` is what the user gets.
  void Offer(std::string_view key, std::string_view shown);
  // Best first, without duplicates.
  std::vector<std::string> Best(size_t limit) const;

 private:
  struct Candidate {
    size_t distance;
    std::string shown;
  };
  std::string wanted_;
  size_t limit_;
  std::vector<Candidate> candidates_;
};

}  // namespace dlog::dwarf
