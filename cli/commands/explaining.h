// SPDX-License-Identifier: Apache-2.0
//
// What explain and vars have in common: the same question to a daemon or to a file, the same answer.
#pragma once

#include "cli/context.h"
#include "cli/options.h"
#include "logpoint.pb.h"

namespace dlog::cli {

// kFailed when nothing at the location can carry a probe (the answer is printed all the same).
int RunExplain(const TargetOptions& target, v1::LogpointSpec spec, bool all_variables, const Context& global);

// Tells wrong usage found after parsing, and returns the exit status for it.
int ReportUsage(const absl::Status& status, const std::string& command);

}  // namespace dlog::cli
