// SPDX-License-Identifier: Apache-2.0
//
// Abseil's containers and times; the scenario knows the contents.
#include <absl/container/btree_map.h>
#include <absl/container/btree_set.h>
#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/container/inlined_vector.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>
#include <absl/types/optional.h>
#include <absl/types/span.h>
#include <unistd.h>

#include <string>

void Keep(const void* object);

namespace abseil {

struct alignas(16) Wide {
  int number;
  bool operator<(const Wide& other) const { return number < other.number; }
};

struct Sample {
  absl::flat_hash_map<int, int> none;
  absl::flat_hash_map<std::string, int> one = {{"key", 1}};
  absl::flat_hash_map<int, std::string> many;
  absl::flat_hash_set<long> keys = {7};
  absl::InlinedVector<int, 4> inside = {1, 2};
  absl::InlinedVector<std::string, 2> outside = {"a", "b", "and a long one that is on the heap"};
  absl::InlinedVector<int, 4> empty;
  absl::optional<int> some = 3;
  absl::optional<int> nothing;
  absl::string_view view = "a view";
  absl::Span<const int> span;
  absl::Time when = absl::FromUnixMillis(1700000000123);
  absl::Duration back = absl::Milliseconds(-1500);
  absl::btree_map<int, std::string> no_tree;
  absl::btree_map<int, std::string> leaf = {{1, "one"}, {2, "two"}};
  absl::btree_map<std::string, int> named = {{"a", 1}, {"b", 2}};
  absl::btree_multimap<int, char> twice = {{1, 'a'}, {1, 'b'}, {2, 'c'}};
  absl::btree_set<short> shorts = {3, 1, 2};
  absl::btree_multiset<std::string> texts = {"x", "x", "and one that does not fit into the object itself"};
  absl::btree_set<Wide> wide = {Wide{7}, Wide{5}};
  absl::btree_set<long> hundreds;                        // two levels
  absl::btree_map<int, absl::btree_set<int>> thousands;  // three; of small ones
  absl::btree_set<int> thinned;                          // most of it was erased
};

__attribute__((noinline)) int Probe(const Sample& s) {
  Keep(&s);  // the logpoint
  return static_cast<int>(s.many.size());
}

}  // namespace abseil

int main() {
  abseil::Sample s;
  s.span = s.inside;
  for (int i = 0; i < 20; ++i) s.many[i] = "v" + std::to_string(i);
  for (long i = 0; i < 300; ++i) s.hundreds.insert(i * 7 % 300);
  for (int i = 0; i < 2000; ++i) s.thousands[i * 7 % 2000].insert(i * 7 % 2000);
  for (int i = 0; i < 2000; ++i) s.thinned.insert(i);
  for (int i = 0; i < 2000; ++i) {
    if (i % 50 != 0) s.thinned.erase(i);
  }
  int sum = 0;
  for (int i = 0; i < 100000; ++i) {
    sum += abseil::Probe(s);
    usleep(10000);
  }
  return sum == 0 ? 0 : 1;
}
