// SPDX-License-Identifier: Apache-2.0
#include "cli/client/fleet.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <numeric>
#include <thread>
#include <utility>

#include "cli/exit_status.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::cli {
namespace {

constexpr size_t kMaxThreads = 64;
constexpr size_t kNamesTold = 3;

// The reason without the node's own name, so that the same reason of several nodes is one.
std::string ReasonOf(const absl::Status& status, const std::string& name) {
  std::string text(status.message());
  for (size_t at = text.find(name); at != std::string::npos; at = text.find(name, at))
    text.replace(at, name.size(), "it");
  return text;
}

}  // namespace

std::string NamesText(const std::vector<std::string>& names) {
  if (names.size() == 1) return names.front();
  const size_t told = names.size() <= kNamesTold + 1 ? names.size() - 1 : kNamesTold;
  const std::string first = fmt::format("{}", fmt::join(names.begin(), names.begin() + static_cast<long>(told), ", "));
  if (told + 1 == names.size()) return fmt::format("{} and {}", first, names.back());
  return fmt::format("{} and {} others", first, names.size() - told);
}

void InParallel(size_t count, const std::function<void(size_t)>& work) {
  std::atomic<size_t> next{0};
  const auto run = [&] {
    for (size_t i = next++; i < count; i = next++) work(i);
  };
  std::vector<std::thread> threads;
  for (size_t i = 1; i < std::min(count, kMaxThreads); ++i) threads.emplace_back(run);
  run();
  for (std::thread& thread : threads) thread.join();
}

absl::StatusOr<Fleet> Fleet::Connect(const ClientOptions& options) {
  Fleet fleet;
  std::vector<NodeAddress> addresses;
  if (!options.servers.empty()) {
    if (auto status = Client::CheckForDaemon(options); !status.ok()) return status;
    auto parsed = ParseServers(options.servers);
    if (!parsed.ok()) return parsed.status();
    addresses = *std::move(parsed);
  }
  if (addresses.size() <= 1) {
    auto client =
        addresses.empty() ? Client::ConnectHere(options) : Client::ConnectTo(addresses.front(), options.credentials);
    if (!client.ok()) return client.status();
    fleet.nodes_.push_back({(*client)->name(), *std::move(client), absl::OkStatus()});
    return fleet;
  }
  for (const NodeAddress& address : addresses) {
    if (auto status = CheckCredentials(address, options.credentials); !status.ok()) return status;
  }
  fleet.nodes_.resize(addresses.size());
  InParallel(addresses.size(), [&](size_t i) {
    Node& node = fleet.nodes_[i];
    node.name = addresses[i].name;
    auto client = Client::ConnectTo(addresses[i], options.credentials);
    if (client.ok()) {
      node.client = *std::move(client);
    } else {
      node.why = client.status();
    }
  });
  return fleet;
}

void Fleet::ForSome(const std::vector<size_t>& chosen, const Work& work, std::vector<absl::Status>* outcomes) const {
  InParallel(chosen.size(), [&](size_t n) {
    const Node& node = nodes_[chosen[n]];
    (*outcomes)[chosen[n]] = node.client == nullptr ? node.why : work(chosen[n], *node.client);
  });
}

std::vector<size_t> Fleet::all() const {
  std::vector<size_t> all(size());
  std::iota(all.begin(), all.end(), size_t{0});
  return all;
}

std::vector<absl::Status> Fleet::ForEach(const Work& work) const {
  std::vector<absl::Status> outcomes(size());
  ForSome(all(), work, &outcomes);
  return outcomes;
}

std::vector<absl::Status> ForEachId(const Fleet& fleet, const std::vector<std::string>& ids,
                                    const std::function<absl::Status(size_t, Client&, const std::string&)>& call) {
  std::vector<std::vector<absl::Status>> answers(fleet.size(), std::vector<absl::Status>(ids.size()));
  std::vector<absl::Status> outcomes = fleet.ForEach([&](size_t i, Client& node) {
    for (size_t n = 0; n < ids.size(); ++n) {
      answers[i][n] = call(i, node, ids[n]);
      if (absl::IsUnavailable(answers[i][n])) return answers[i][n];
    }
    return absl::OkStatus();
  });
  for (size_t n = 0; n < ids.size(); ++n) {
    bool known = false;
    for (size_t i = 0; i < fleet.size(); ++i) known = known || (outcomes[i].ok() && !absl::IsNotFound(answers[i][n]));
    for (size_t i = 0; i < fleet.size(); ++i) {
      const absl::Status& answer = answers[i][n];
      if (outcomes[i].ok() && !answer.ok() && !(known && absl::IsNotFound(answer))) outcomes[i] = answer;
    }
  }
  return outcomes;
}

int ReportNodes(const Fleet& fleet, const std::vector<absl::Status>& outcomes) {
  if (fleet.single()) return outcomes.front().ok() ? kDone : Report(outcomes.front());
  std::map<std::string, std::vector<std::string>> nodes_of;
  std::map<std::string, absl::Status> first;
  for (size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i].ok()) continue;
    const std::string reason = ReasonOf(outcomes[i], fleet.name(i));
    nodes_of[reason].push_back(fleet.name(i));
    first.try_emplace(reason, outcomes[i]);
  }
  if (first.empty()) return kDone;
  size_t failed = 0;
  for (const auto& [reason, status] : first) {
    failed += nodes_of[reason].size();
    const std::string message = fmt::format("{}: {}", NamesText(nodes_of[reason]), reason);
    (void)Report(WithHint(absl::Status(status.code(), message), HintOf(status)));
  }
  return failed < fleet.size() ? kPartial : kFailed;
}

}  // namespace dlog::cli
