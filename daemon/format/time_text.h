// SPDX-License-Identifier: Apache-2.0
//
// Wall-clock times as RFC 3339 in UTC, durations with their unit.
#pragma once

#include <cstdint>
#include <string>

namespace dlog::format {

// "2026-11-22T07:00:00.123456789Z"; `fraction_digits` 0 to 9, cut, not rounded.
void AppendTime(int64_t unix_ns, int fraction_digits, std::string* out);

// The same at `to`, which has room for kMaxTimeBytes; returns the end.
inline constexpr size_t kMaxTimeBytes = 32;
char* WriteTime(int64_t unix_ns, int fraction_digits, char* to);

// A count of numerator/denominator seconds, and nanoseconds on top.
struct TimeValue {
  long double real = 0;  // when is_float
  int64_t count = 0;
  bool is_float = false;
  uint64_t numerator = 1;
  uint64_t denominator = 1;
  int64_t nanoseconds = 0;
};

// As a date, with the digits that the unit has. False when the year is beyond 9999, or the nanoseconds are no part of a
// second.
bool AppendDate(const TimeValue& time, std::string* out);
// Rounded down; only after AppendDate.
int64_t WholeSeconds(const TimeValue& time);
// "1500ms", "2.5s", "7[1/30]s", as std::format writes durations. False as above.
bool AppendDuration(const TimeValue& time, std::string* out);

// "870 ns", "12.345 us", "1.234 ms", "2.500 s": three digits behind the point, cut, not rounded.
std::string DurationText(int64_t nanoseconds);

}  // namespace dlog::format
