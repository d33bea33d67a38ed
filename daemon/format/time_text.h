// SPDX-License-Identifier: Apache-2.0
//
// Wall-clock times as RFC 3339 in UTC.
#pragma once

#include <cstdint>
#include <string>

namespace dlog::format {

// "2026-11-22T07:00:00.123456789Z"; `fraction_digits` 0 to 9, cut, not rounded.
void AppendTime(int64_t unix_ns, int fraction_digits, std::string* out);

}  // namespace dlog::format
