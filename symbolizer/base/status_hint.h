// SPDX-License-Identifier: Apache-2.0
//
// Errors are absl::Status: the message is one line "what, where, why"; what the user can do next travels beside it as a
// hint, through the worker protocol and gRPC up to the `hint: ...` line of dlogctl.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace dlog {

// Returns `status` with `hint` attached (replacing an earlier one). OK statuses are returned unchanged.
absl::Status WithHint(absl::Status status, std::string_view hint);

// The hint of `status`, or empty.
std::string HintOf(const absl::Status& status);

// Returns `status` with "context: " put before its message; code and hint are kept.
absl::Status WithContext(const absl::Status& status, std::string_view context);

}  // namespace dlog
