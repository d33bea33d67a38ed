// SPDX-License-Identifier: Apache-2.0
//
// Abseil's containers and times; the scenario knows the contents.
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
  int sum = 0;
  for (int i = 0; i < 100000; ++i) {
    sum += abseil::Probe(s);
    usleep(10000);
  }
  return sum == 0 ? 0 : 1;
}
