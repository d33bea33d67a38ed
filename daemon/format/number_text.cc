// SPDX-License-Identifier: Apache-2.0
#include "daemon/format/number_text.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstring>

namespace dlog::format {
namespace {

// What people count with has few decimals: 9.95, 0.25, 1000. A decimal of at most 15 digits is the only one of its
// length that reads back as the double nearest to it (DBL_DIG), so the shortest text is these digits without the zeros
// at their end.
constexpr int kDecimals = 6;
constexpr int64_t kScale = 1'000'000;
constexpr double kMaxShort = 1e9;
// Smaller ones are written with an exponent.
constexpr int64_t kMinScaled = kScale / 10'000;

// Null when the value has more digits than that.
char* WriteShortDecimal(double value, char* to) {
  const double size = std::fabs(value);
  if (!(size < kMaxShort)) return nullptr;
  if (std::signbit(value)) *to++ = '-';
  if (size == 0) {
    *to++ = '0';
    return to;
  }
  const int64_t scaled = std::llround(size * static_cast<double>(kScale));
  // One correctly rounded division: what the text would be read as.
  if (scaled < kMinScaled || static_cast<double>(scaled) / static_cast<double>(kScale) != size) return nullptr;
  to = WriteNumber(scaled / kScale, to);
  int64_t fraction = scaled % kScale;
  if (fraction == 0) return to;
  *to++ = '.';
  for (int i = kDecimals; i-- > 0; fraction /= 10) to[i] = static_cast<char>('0' + fraction % 10);
  to += kDecimals;
  while (to[-1] == '0') --to;
  return to;
}

}  // namespace

char* WriteNumber(int64_t value, char* to) { return std::to_chars(to, to + kMaxNumberBytes, value).ptr; }

char* WriteNumber(uint64_t value, char* to) { return std::to_chars(to, to + kMaxNumberBytes, value).ptr; }

char* WriteNumber(float value, char* to) { return fmt::format_to(to, FMT_COMPILE("{}"), value); }

char* WriteNumber(double value, char* to) {
  if (char* const end = WriteShortDecimal(value, to)) return end;
  return fmt::format_to(to, FMT_COMPILE("{}"), value);  // at most 24 characters
}

}  // namespace dlog::format
