// SPDX-License-Identifier: Apache-2.0
//
// Exit statuses of dlogctl and how failures are told: one line "dlogctl: what, where, why", then "hint: what to do".
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace dlog::cli {

enum ExitStatus {
  kDone = 0,
  kFailed = 1,  // refused or failed
  kWrongUsage = 2,
  kPartial = 3,   // some sites failed
  kNoDaemon = 4,  // no daemon and not privileged
};

// Makes `status` one that ends dlogctl with kNoDaemon or kWrongUsage.
absl::Status WithExitStatus(absl::Status status, ExitStatus exit_status);

// Tells `status` (which is not OK) on standard error and returns the exit status for it.
int Report(const absl::Status& status);

// A line on standard error; control characters of the target's strings are made harmless.
void Note(std::string_view text);

// `text` without control characters but newlines: no target drives the terminal.
std::string Harmless(std::string_view text);

}  // namespace dlog::cli
