// SPDX-License-Identifier: Apache-2.0
#include "daemon/format/time_text.h"

#include <algorithm>
#include <chrono>

namespace dlog::format {
namespace {

constexpr int64_t kNsPerSecond = 1'000'000'000;

void AppendDigits(uint64_t value, int digits, std::string* out) {
  char text[20];
  for (int i = digits - 1; i >= 0; --i, value /= 10) text[i] = static_cast<char>('0' + value % 10);
  out->append(text, static_cast<size_t>(digits));
}

}  // namespace

void AppendTime(int64_t unix_ns, int fraction_digits, std::string* out) {
  // The calendar in seconds: days counted in nanoseconds overflow at both ends of the range.
  const int64_t fraction_ns = (unix_ns % kNsPerSecond + kNsPerSecond) % kNsPerSecond;
  const std::chrono::sys_seconds time{std::chrono::seconds(unix_ns / kNsPerSecond - (unix_ns % kNsPerSecond < 0))};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  AppendDigits(static_cast<uint64_t>(static_cast<int>(date.year())), 4, out);
  out->push_back('-');
  AppendDigits(static_cast<unsigned>(date.month()), 2, out);
  out->push_back('-');
  AppendDigits(static_cast<unsigned>(date.day()), 2, out);
  out->push_back('T');
  AppendDigits(static_cast<uint64_t>(clock.hours().count()), 2, out);
  out->push_back(':');
  AppendDigits(static_cast<uint64_t>(clock.minutes().count()), 2, out);
  out->push_back(':');
  AppendDigits(static_cast<uint64_t>(clock.seconds().count()), 2, out);
  fraction_digits = std::clamp(fraction_digits, 0, 9);
  if (fraction_digits > 0) {
    auto fraction = static_cast<uint64_t>(fraction_ns);
    for (int i = fraction_digits; i < 9; ++i) fraction /= 10;
    out->push_back('.');
    AppendDigits(fraction, fraction_digits, out);
  }
  out->push_back('Z');
}

}  // namespace dlog::format
