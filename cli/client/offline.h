// SPDX-License-Identifier: Apache-2.0
//
// The commands that need no daemon and no privileges: the worker is run on a file, here and now.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "daemon/control/plan_redaction.h"
#include "logpoint.pb.h"
#include "plan.pb.h"

namespace dlog::cli {

// All take spec.target.binary_path (absolute). Limits and strings are brought into the daemon's ranges first.
// `visualizers`: a directory, see daemon/symbolizer_client/user_visualizers.h.

// The plan as the daemon would make it.
absl::StatusOr<v1::ResolvedLogpoint> ResolveOffline(v1::LogpointSpec spec, const std::string& visualizers);
// What attaching would do: each statement with its chosen candidate.
absl::StatusOr<v1::ResolvedLogpoint> ExplainOffline(v1::LogpointSpec spec, bool all_variables,
                                                    const std::string& visualizers);
// What is redacted when no daemon says so: the defaults, or what DLOGD_REDACTION_... variables say.
absl::StatusOr<daemon::RedactionPolicy> OwnRedaction();
absl::StatusOr<v1::FileLines> LinesOffline(const v1::Target& target, const std::string& file);

}  // namespace dlog::cli
