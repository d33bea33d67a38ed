// SPDX-License-Identifier: Apache-2.0
//
// Abseil's tables of nodes, statuses and cords with constant contents; scenarios/library_types.py knows what has to be
// seen.
#include <absl/container/node_hash_map.h>
#include <absl/container/node_hash_set.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/cord.h>
#include <unistd.h>

#include <string>

void Keep(const void* object);

namespace abseil {

struct Sample {
  absl::node_hash_map<std::string, int> nodes = {{"key", 1}};
  absl::node_hash_map<int, std::string> more = {{7, "seven"}};
  absl::node_hash_map<int, int> no_nodes;
  absl::node_hash_set<long> keys = {7};
  absl::Status fine;
  absl::Status cancelled{absl::StatusCode::kCancelled, ""};
  absl::Status failed = absl::NotFoundError("no such file");
  absl::StatusOr<int> number = 5;
  absl::StatusOr<std::string> text = std::string("a text");
  absl::StatusOr<std::string> broken = absl::InternalError("broken");
  absl::Cord none;
  absl::Cord small{"short"};
  absl::Cord flat{"a text that does not fit the object itself"};
  absl::Cord tree;
  absl::Cord part;
};

__attribute__((noinline)) size_t Probe(const Sample& s) {
  Keep(&s);  // the logpoint
  return s.nodes.size() + s.failed.message().size();
}

}  // namespace abseil

int main() {
  abseil::Sample s;
  s.tree.Append(std::string(4000, 'a'));
  s.tree.Append(std::string(4000, 'b'));
  s.part = s.flat.Subcord(2, 38);
  size_t sum = 0;
  for (int i = 0; i < 100000; ++i) {
    sum += abseil::Probe(s);
    usleep(10000);
  }
  return sum == 0 ? 0 : 1;
}
