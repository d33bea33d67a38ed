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
// {KEY: [logpoints]}
std::string LogpointsJson(std::string_view key, const std::vector<v1::LogpointState>& states);
std::string LogpointJson(const v1::LogpointState& state);

std::string LogpointTable(const std::vector<v1::LogpointState>& states);
std::string DescribeText(const v1::DescribeResponse& description);
std::string DescribeJson(const v1::DescribeResponse& description);

// "120 hits = 100 emitted + 15 filtered + 5 dropped (ring_full)"
std::string CountersText(const v1::Counters& counters);
// "lp-3 finished (hit limit of 5 reached): 5 hits = 5 emitted"
std::string SummaryText(const v1::LogpointState& state);
// "pid 4711", "/usr/bin/shopd", "comm:shopd"
std::string TargetText(const v1::Target& target);

}  // namespace dlog::cli
