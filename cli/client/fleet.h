// SPDX-License-Identifier: Apache-2.0
//
// All nodes that a command is about: one in the simplest case, every node of a fleet otherwise.
//
//   auto fleet = Fleet::Connect(options);
//   std::vector<v1::ListResponse> answers(fleet->size());
//   auto outcomes = fleet->ForEach([&](size_t i, Client& node) { return node.Call(... &answers[i] ...); });
//   return ReportNodes(*fleet, outcomes);
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/client/client.h"

namespace dlog::cli {

class Fleet {
 public:
  // One node: as Client::Connect. Several: a node that cannot be reached is an outcome of ForEach; errors here are
  // wrong usage, names that are not known, and files that cannot be used.
  static absl::StatusOr<Fleet> Connect(const ClientOptions& options);

  size_t size() const { return nodes_.size(); }
  // Then everything looks as it does without fleets.
  bool single() const { return nodes_.size() == 1; }
  const std::string& name(size_t i) const { return nodes_[i].name; }
  // Not for a node that `ForEach` has told to be out of reach.
  Client& node(size_t i) const { return *nodes_[i].client; }
  // The one node is an engine inside this process: what it is given ends with the command.
  bool embedded() const { return single() && nodes_.front().client->embedded(); }
  // 0 ... size() - 1
  std::vector<size_t> all() const;

  // Calls `work` for each node, many at a time, and returns what each has returned, in the order of the nodes. A node
  // that cannot be reached is not worked for: its outcome says why.
  using Work = std::function<absl::Status(size_t, Client&)>;
  std::vector<absl::Status> ForEach(const Work& work) const;
  // The same for some nodes; the others' entries of `outcomes` stay as they are.
  void ForSome(const std::vector<size_t>& chosen, const Work& work, std::vector<absl::Status>* outcomes) const;

 private:
  struct Node {
    std::string name;
    std::unique_ptr<Client> client;  // null: see `why`
    absl::Status why;
  };
  std::vector<Node> nodes_;
};

// Calls `work(i)` for i < `count` on up to 64 threads at a time.
void InParallel(size_t count, const std::function<void(size_t)>& work);

// A call for each id and node. An id that some node does not know is no failure as long as another one knows it: not
// every node has every logpoint.
std::vector<absl::Status> ForEachId(const Fleet& fleet, const std::vector<std::string>& ids,
                                    const std::function<absl::Status(size_t, Client&, const std::string&)>& call);

// "a", "a and b", "a, b, c and 47 others"
std::string NamesText(const std::vector<std::string>& names);

// Tells the failures, those with the same reason together, and returns the exit status: kPartial when some nodes did
// what was asked.
int ReportNodes(const Fleet& fleet, const std::vector<absl::Status>& outcomes);

}  // namespace dlog::cli
