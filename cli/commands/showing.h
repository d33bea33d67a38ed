// SPDX-License-Identifier: Apache-2.0
//
// What the commands that ask every node for logpoints have in common.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/client/event_order.h"
#include "cli/client/fleet.h"
#include "cli/render/logpoint.h"
#include "control.pb.h"

namespace dlog::cli {

// Those that have not done what was asked.
std::vector<NodeError> ErrorsOf(const Fleet& fleet, const std::vector<absl::Status>& outcomes);

// Neither ended nor failed.
bool IsLive(const v1::LogpointState& state);

// The logpoints of all nodes; `outcomes` says which have answered.
std::vector<v1::LogpointState> ListEverywhere(const Fleet& fleet, std::vector<absl::Status>* outcomes);
// By node.
std::vector<v1::ListResponse> ListByNode(const Fleet& fleet, std::vector<absl::Status>* outcomes,
                                         absl::Duration patience = absl::InfiniteDuration());
std::vector<v1::StatusResponse> StatusByNode(const Fleet& fleet, std::vector<absl::Status>* outcomes);

// Prints the logpoints of all nodes, sorted by id and host when there are several nodes, then tells the nodes that have
// failed; returns the exit status. JSON: {KEY: [logpoints]}, and with failures "failed": [{"node", "error"}]. Nothing
// is printed when no node has answered.
int ShowLogpoints(const Fleet& fleet, const std::vector<absl::Status>& outcomes, std::string_view key,
                  std::vector<v1::LogpointState> states,
                  const std::function<std::string(const std::vector<v1::LogpointState>&, bool hosts)>& text, bool json);

// One StateText line for each.
std::string StateLines(const std::vector<v1::LogpointState>& states, bool hosts);

// Tells that a stream has lost events.
void NoteDropped(const Fleet& fleet, const NodeItem& item);
void NoteBroken(const Fleet& fleet, const NodeItem& item);

}  // namespace dlog::cli
