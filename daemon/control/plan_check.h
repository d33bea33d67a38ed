// SPDX-License-Identifier: Apache-2.0
//
// A ResolvedLogpoint comes from a worker that has read hostile files, or from a file that a user hands in. What the
// daemon relies on is checked here; ops, nodes and instructions are checked by those who use them.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control.pb.h"
#include "daemon/targets/target_finder.h"
#include "logpoint.pb.h"
#include "plan.pb.h"

namespace dlog::daemon {

// Version of ResolvedLogpoint that this daemon attaches; symbolizer/resolver.h has the one that it makes.
inline constexpr uint32_t kOldestPlanVersion = 2;
inline constexpr uint32_t kNewestPlanVersion = 3;
inline constexpr int kMaxStatements = 4096;
inline constexpr int kMaxCandidates = 256;

// InvalidArgument with a hint when counts and indices do not fit together.
absl::Status CheckResolved(const v1::ResolvedLogpoint& resolved);

// InvalidArgument when `known` of the request was made for another location, text or condition than its spec names.
absl::Status CheckKnown(const v1::AddRequest& request);

// The template text that `parsed` came from, for specs made of a plan.
std::string TemplateText(const v1::ParsedTemplate& parsed);

// The module that `resolved` is about: the one of its path, which must carry its build-id (plan_given: the one of its
// build-id, whatever its path). NotFound or FailedPrecondition with a hint.
absl::StatusOr<TargetModule> MatchModule(const v1::ResolvedLogpoint& resolved, const std::vector<TargetModule>& modules,
                                         bool plan_given);

}  // namespace dlog::daemon
