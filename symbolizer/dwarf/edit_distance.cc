// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/edit_distance.h"

#include <algorithm>
#include <numeric>
#include <unordered_set>

namespace dlog::dwarf {
namespace {

constexpr size_t kMaxNameLength = 128;
constexpr size_t kMaxCandidates = 10000;

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return out;
}

size_t Distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replace = diagonal + (a[i - 1] != b[j - 1] ? 1 : 0);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replace});
    }
  }
  return row[b.size()];
}

}  // namespace

CloseNames::CloseNames(std::string_view wanted)
    : wanted_(Lower(wanted.substr(0, kMaxNameLength))), limit_(std::max<size_t>(2, wanted_.size() / 3)) {}

void CloseNames::Offer(std::string_view key, std::string_view shown) {
  if (key.size() > kMaxNameLength || candidates_.size() >= kMaxCandidates) return;
  const size_t difference = key.size() > wanted_.size() ? key.size() - wanted_.size() : wanted_.size() - key.size();
  if (difference > limit_) return;
  const size_t distance = Distance(wanted_, Lower(key));
  if (distance <= limit_) candidates_.push_back({distance, std::string(shown)});
}

std::vector<std::string> CloseNames::Best(size_t limit) const {
  std::vector<Candidate> sorted = candidates_;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Candidate& a, const Candidate& b) { return a.distance < b.distance; });
  std::vector<std::string> out;
  std::unordered_set<std::string> seen;
  for (const Candidate& candidate : sorted) {
    if (out.size() >= limit) break;
    if (seen.insert(candidate.shown).second) out.push_back(candidate.shown);
  }
  return out;
}

}  // namespace dlog::dwarf
