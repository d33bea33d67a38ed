// SPDX-License-Identifier: Apache-2.0
//
// What a logpoint may ask for: defaults, hard maxima, and the size of every string of a request.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "bpf/abi.h"
#include "logpoint.pb.h"

namespace dlog::daemon {

struct LimitRange {
  uint64_t minimum;
  uint64_t standard;  // when the request says nothing
  uint64_t maximum;
};

// cli.md names the defaults. The maxima are what one event can hold (bpf/abi.h) or what stays usable.
inline constexpr LimitRange kTtlMs = {1, 3600 * 1000, 7ull * 24 * 3600 * 1000};
inline constexpr LimitRange kRatePerSecond = {0, 1000, 1000000};  // 0 = unlimited, on request only
inline constexpr LimitRange kDepth = {1, 3, 10};
inline constexpr LimitRange kItems = {1, 100, 10000};
inline constexpr LimitRange kStringBytes = {1, 256, DLOG_MAX_READ};
inline constexpr LimitRange kEventBytes = {64, 16384, DLOG_MAX_RECORD_DATA};

inline constexpr LimitRange kEvery = {1, 1, UINT32_MAX};
inline constexpr double kMinimumSample = 1e-6;
// Parts of one core.
inline constexpr double kStandardBudget = 0.01;
inline constexpr double kMinimumBudget = 0.0001;
inline constexpr double kMaximumBudget = 64;

inline constexpr size_t kMaxLocationBytes = 4096;
inline constexpr size_t kMaxTemplateBytes = 16384;
inline constexpr size_t kMaxConditionBytes = 4096;
inline constexpr size_t kMaxPathBytes = 4096;
inline constexpr int kMaxTags = 32;
inline constexpr size_t kMaxTagBytes = 128;
inline constexpr int kMaxSelectors = 16;

// Fills in defaults and brings every limit into its range; each limit that was changed adds a line to `warnings`.
// InvalidArgument, with a hint, for a string that is too long, a level or kind that does not exist, or a tag with
// control characters. Applying it twice changes nothing.
absl::Status ApplyPolicy(v1::LogpointSpec* spec, std::vector<std::string>* warnings);

}  // namespace dlog::daemon
