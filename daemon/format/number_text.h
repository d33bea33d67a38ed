// SPDX-License-Identifier: Apache-2.0
//
// Numbers as std::format's "{}" writes them: exact, and for floating point the shortest text that reads back the same.
// Each writes at `to`, where there is room for kMaxNumberBytes, and returns the end of what it wrote.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dlog::format {

inline constexpr size_t kMaxNumberBytes = 32;

char* WriteNumber(int64_t value, char* to);
char* WriteNumber(uint64_t value, char* to);
char* WriteNumber(float value, char* to);
char* WriteNumber(double value, char* to);

}  // namespace dlog::format
