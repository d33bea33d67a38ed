// SPDX-License-Identifier: Apache-2.0
//
// One logpoint on all nodes of a fleet, resolved once for each build.
#pragma once

#include <string>
#include <vector>

#include "cli/client/fleet.h"
#include "control.pb.h"

namespace dlog::cli {

struct FleetAdded {
  std::vector<absl::Status> outcomes;        // by node
  std::vector<v1::LogpointState> logpoints;  // by node; set where the outcome is OK
  size_t resolved_by = 0;                    // nodes that looked at DWARF
};

// Adds `request` on `nodes` under one id (that of `request`, or one by chance). For each build of the target's program
// one node resolves, and the nodes of the same build attach from what it has found; when it cannot (it may lack the
// debug information) others of that build try, and what one of them finds serves the rest. `context_of` gives the
// context of each node's call, so that the caller can cancel it; calls may come from several threads.
FleetAdded AddEverywhere(const Fleet& fleet, const std::vector<size_t>& nodes, v1::AddRequest request,
                         const std::function<grpc::ClientContext*(size_t)>& context_of);

// "lp-k3x9qd": by chance, so that clients that know nothing of each other do not meet.
std::string RandomLogpointId();

}  // namespace dlog::cli
