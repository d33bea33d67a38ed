// SPDX-License-Identifier: Apache-2.0
//
// Logpoints as ls, describe, rm and log show them.
#pragma once

#include <string>
#include <vector>

#include "control.pb.h"
#include "daemon/format/json_writer.h"

namespace dlog::cli {

void WriteLogpointJson(const v1::LogpointState& state, format::JsonWriter* json);
// What a node of a fleet had to say instead of an answer.
struct NodeError {
  std::string node;
  std::string error;
};
// "failed": [{"node", "error"}], behind the other keys of an object; nothing without errors.
void WriteNodeErrorsJson(const std::vector<NodeError>& errors, format::JsonWriter* json);
// {KEY: [logpoints]}, with errors also "failed"
std::string LogpointsJson(std::string_view key, const std::vector<v1::LogpointState>& states,
                          const std::vector<NodeError>& errors = {});
std::string LogpointJson(const v1::LogpointState& state);

// `hosts`: of several nodes, which are then named.
std::string LogpointTable(const std::vector<v1::LogpointState>& states, bool hosts);
std::string DescribeText(const v1::DescribeResponse& description, bool hosts = false);
std::string DescribeJson(const v1::DescribeResponse& description);

// "120 hits = 100 emitted + 15 filtered + 5 dropped (ring_full)"
std::string CountersText(const v1::Counters& counters);
// "lp-3 finished (hit limit of 5 reached): 5 hits = 5 emitted"
std::string SummaryText(const v1::LogpointState& state);
// SummaryText, after "n1: " when there are several nodes.
std::string StateText(const v1::LogpointState& state, bool hosts);
// The summary of one, or "lp-k3x9qd on 50 nodes: finished on 49 (...), failed on 1 (...): 120 hits = 120 emitted".
std::string FleetSummaryText(const std::vector<v1::LogpointState>& states);
// "pid 4711", "/usr/bin/shopd", "comm:shopd"
std::string TargetText(const v1::Target& target);

}  // namespace dlog::cli
