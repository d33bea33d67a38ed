// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/showing.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cli/exit_status.h"
#include "cli/render/output.h"

namespace dlog::cli {

std::vector<NodeError> ErrorsOf(const Fleet& fleet, const std::vector<absl::Status>& outcomes) {
  std::vector<NodeError> errors;
  for (size_t i = 0; i < outcomes.size(); ++i) {
    if (!outcomes[i].ok()) errors.push_back({fleet.name(i), std::string(outcomes[i].message())});
  }
  return errors;
}

bool IsLive(const v1::LogpointState& state) {
  return state.state() != "expired" && state.state() != "finished" && state.state() != "removed" &&
         state.state() != "failed";
}

std::vector<v1::ListResponse> ListByNode(const Fleet& fleet, std::vector<absl::Status>* outcomes,
                                         absl::Duration patience) {
  std::vector<v1::ListResponse> answers(fleet.size());
  *outcomes = fleet.ForEach([&](size_t i, Client& node) {
    return node.Call(
        [&](grpc::ClientContext* context) { return node.stub().List(context, v1::ListRequest(), &answers[i]); },
        patience);
  });
  return answers;
}

std::vector<v1::StatusResponse> StatusByNode(const Fleet& fleet, std::vector<absl::Status>* outcomes) {
  std::vector<v1::StatusResponse> answers(fleet.size());
  *outcomes = fleet.ForEach([&](size_t i, Client& node) {
    return node.Call(
        [&](grpc::ClientContext* context) { return node.stub().Status(context, v1::StatusRequest(), &answers[i]); });
  });
  return answers;
}

std::vector<v1::LogpointState> ListEverywhere(const Fleet& fleet, std::vector<absl::Status>* outcomes) {
  std::vector<v1::LogpointState> states;
  for (const v1::ListResponse& answer : ListByNode(fleet, outcomes)) {
    states.insert(states.end(), answer.logpoints().begin(), answer.logpoints().end());
  }
  return states;
}

int ShowLogpoints(const Fleet& fleet, const std::vector<absl::Status>& outcomes, std::string_view key,
                  std::vector<v1::LogpointState> states,
                  const std::function<std::string(const std::vector<v1::LogpointState>&, bool hosts)>& text,
                  bool json) {
  const bool hosts = !fleet.single();
  if (hosts) {
    std::stable_sort(states.begin(), states.end(), [](const auto& a, const auto& b) {
      return std::pair(a.spec().id(), a.host()) < std::pair(b.spec().id(), b.host());
    });
  }
  const std::vector<NodeError> errors = ErrorsOf(fleet, outcomes);
  if (errors.size() < outcomes.size()) {
    WriteOut(json ? LogpointsJson(key, states, errors) + "\n" : text(states, hosts));
  }
  return ReportNodes(fleet, outcomes);
}

std::string StateLines(const std::vector<v1::LogpointState>& states, bool hosts) {
  std::string out;
  for (const v1::LogpointState& state : states) out += Harmless(StateText(state, hosts)) + "\n";
  return out;
}

void NoteBroken(const Fleet& fleet, const NodeItem& item) {
  Note(fmt::format("{}: nothing more comes from it: {}", fleet.name(item.node), std::string(item.broken.message())));
}

void NoteDropped(const Fleet& fleet, const NodeItem& item) {
  Note(fmt::format("{}{} events are missing here: this reader is too slow",
                   fleet.single() ? "" : fleet.name(item.node) + ": ", item.item.dropped()));
}

}  // namespace dlog::cli
