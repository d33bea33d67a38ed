// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace dlog::daemon {

// The whole of a file of at most `max_bytes` (ResourceExhausted above that). Works for /proc, whose files have no size.
absl::StatusOr<std::string> ReadSmallFile(const std::string& path, size_t max_bytes);

}  // namespace dlog::daemon
