// SPDX-License-Identifier: Apache-2.0
//
// Numbers with units as people write them on the command line and in the configuration.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace dlog {

// "10m", "1h30m", "500ms" -> milliseconds; at least 1.
absl::StatusOr<uint64_t> ParseDurationMs(const std::string& text);
// "1000".
absl::StatusOr<uint64_t> ParseCount(const std::string& text);
// "500/s", "500" -> events per second; 0 = unlimited.
absl::StatusOr<uint64_t> ParseRate(const std::string& text);
// "1%", "0.5%", "0.01" -> a part, greater than 0.
absl::StatusOr<double> ParsePart(const std::string& text);
// "16KiB", "16k", "16384" -> bytes; k, m and g are binary.
absl::StatusOr<uint64_t> ParseBytes(const std::string& text);

}  // namespace dlog
