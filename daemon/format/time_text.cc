// SPDX-License-Identifier: Apache-2.0
#include "daemon/format/time_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <string_view>

namespace dlog::format {
namespace {

constexpr int64_t kNsPerSecond = 1'000'000'000;

char* WriteDigits(uint64_t value, int digits, char* to) {
  for (int i = digits - 1; i >= 0; --i, value /= 10) to[i] = static_cast<char>('0' + value % 10);
  return to + digits;
}

// "2026-11-22T07:00:00"
constexpr size_t kSecondBytes = 19;
void WriteSecond(int64_t seconds, char* to) {
  const std::chrono::sys_seconds time{std::chrono::seconds(seconds)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  to = WriteDigits(static_cast<uint64_t>(static_cast<int>(date.year())), 4, to);
  *to++ = '-';
  to = WriteDigits(static_cast<unsigned>(date.month()), 2, to);
  *to++ = '-';
  to = WriteDigits(static_cast<unsigned>(date.day()), 2, to);
  *to++ = 'T';
  to = WriteDigits(static_cast<uint64_t>(clock.hours().count()), 2, to);
  *to++ = ':';
  to = WriteDigits(static_cast<uint64_t>(clock.minutes().count()), 2, to);
  *to++ = ':';
  WriteDigits(static_cast<uint64_t>(clock.seconds().count()), 2, to);
}

// The calendar of the last second asked for: events come in bursts.
struct LastSecond {
  int64_t seconds = 0;
  std::array<char, kSecondBytes> text = {};
};

// Days and time of day of `seconds`, with the first `fraction_digits` of nine.
char* WriteCalendar(int64_t seconds, int64_t fraction_ns, int fraction_digits, char* to) {
  thread_local LastSecond last;
  if (last.seconds != seconds || last.text[0] == 0) {
    WriteSecond(seconds, last.text.data());
    last.seconds = seconds;
  }
  to = std::copy(last.text.begin(), last.text.end(), to);
  fraction_digits = std::clamp(fraction_digits, 0, 9);
  if (fraction_digits > 0) {
    auto fraction = static_cast<uint64_t>(fraction_ns);
    for (int i = fraction_digits; i < 9; ++i) fraction /= 10;
    *to++ = '.';
    to = WriteDigits(fraction, fraction_digits, to);
  }
  *to++ = 'Z';
  return to;
}

struct Unit {
  uint64_t numerator;
  uint64_t denominator;
  std::string_view name;
  int digits;  // of a fraction of a second
};
constexpr Unit kUnits[] = {
    {1, 1000000000, "ns", 9}, {1, 1000000, "us", 6}, {1, 1000, "ms", 3}, {1, 1, "s", 0},
    {60, 1, "min", 0},        {3600, 1, "h", 0},     {86400, 1, "d", 0},
};

const Unit* UnitOf(const TimeValue& time) {
  for (const Unit& unit : kUnits) {
    if (unit.numerator == time.numerator && unit.denominator == time.denominator) return &unit;
  }
  return nullptr;
}

}  // namespace

char* WriteTime(int64_t unix_ns, int fraction_digits, char* to) {
  // The calendar in seconds: days counted in nanoseconds overflow at both ends of the range.
  const int64_t fraction_ns = (unix_ns % kNsPerSecond + kNsPerSecond) % kNsPerSecond;
  return WriteCalendar(unix_ns / kNsPerSecond - (unix_ns % kNsPerSecond < 0), fraction_ns, fraction_digits, to);
}

void AppendTime(int64_t unix_ns, int fraction_digits, std::string* out) {
  char text[kMaxTimeBytes];
  out->append(text, WriteTime(unix_ns, fraction_digits, text));
}

namespace {

// 0000-01-01 and 9999-12-31.
constexpr int64_t kFirst = -62167219200;
constexpr int64_t kLast = 253402300799;

// Seconds rounded down and nanoseconds.
bool Split(const TimeValue& time, int64_t* whole, int64_t* fraction_ns) {
  if (time.nanoseconds < 0 || time.nanoseconds >= kNsPerSecond || time.denominator == 0) return false;
  __int128 ns = 0;
  if (time.is_float) {
    const long double seconds =
        time.real * static_cast<long double>(time.numerator) / static_cast<long double>(time.denominator);
    if (!(seconds >= static_cast<long double>(kFirst) && seconds <= static_cast<long double>(kLast))) return false;
    ns = static_cast<__int128>(seconds * static_cast<long double>(kNsPerSecond));
  } else {
    __int128 scaled = 0;
    if (__builtin_mul_overflow(static_cast<__int128>(time.count) * static_cast<__int128>(time.numerator),
                               static_cast<__int128>(kNsPerSecond), &scaled)) {
      return false;
    }
    ns = scaled / static_cast<__int128>(time.denominator);
  }
  ns += time.nanoseconds;
  const __int128 seconds = ns / kNsPerSecond - (ns % kNsPerSecond < 0);
  if (seconds < kFirst || seconds > kLast) return false;
  *whole = static_cast<int64_t>(seconds);
  *fraction_ns = static_cast<int64_t>(ns - seconds * kNsPerSecond);
  return true;
}

}  // namespace

bool AppendDate(const TimeValue& time, std::string* out) {
  int64_t whole = 0;
  int64_t fraction_ns = 0;
  if (!Split(time, &whole, &fraction_ns)) return false;
  const Unit* unit = UnitOf(time);
  char text[kMaxTimeBytes];
  const int digits = unit == nullptr || time.nanoseconds != 0 || time.is_float ? 9 : unit->digits;
  out->append(text, WriteCalendar(whole, fraction_ns, digits, text));
  return true;
}

int64_t WholeSeconds(const TimeValue& time) {
  int64_t whole = 0;
  int64_t fraction_ns = 0;
  return Split(time, &whole, &fraction_ns) ? whole : 0;
}

bool AppendDuration(const TimeValue& time, std::string* out) {
  if (time.nanoseconds < 0 || time.nanoseconds >= kNsPerSecond) return false;
  if (time.is_float) {
    fmt::format_to(std::back_inserter(*out), "{}", static_cast<double>(time.real));
  } else if (time.nanoseconds != 0) {
    // Negative times with nanoseconds count back from the second: -2 s and 600 ms are -1.4 s.
    const bool negative = time.count < 0;
    const int64_t whole = negative ? time.count + 1 : time.count;
    const int64_t fraction = negative ? kNsPerSecond - time.nanoseconds : time.nanoseconds;
    char text[9];
    WriteDigits(static_cast<uint64_t>(fraction), 9, text);
    std::string_view digits(text, sizeof(text));
    digits = digits.substr(0, digits.find_last_not_of('0') + 1);
    fmt::format_to(std::back_inserter(*out), "{}{}.{}", negative && whole == 0 ? "-" : "", whole, digits);
  } else {
    fmt::format_to(std::back_inserter(*out), "{}", time.count);
  }
  if (const Unit* unit = UnitOf(time)) {
    out->append(unit->name);
  } else if (time.denominator == 1) {
    fmt::format_to(std::back_inserter(*out), "[{}]s", time.numerator);
  } else {
    fmt::format_to(std::back_inserter(*out), "[{}/{}]s", time.numerator, time.denominator);
  }
  return true;
}

std::string DurationText(int64_t nanoseconds) {
  struct Unit {
    const char* name;
    uint64_t nanoseconds;
  };
  constexpr Unit kUnits[] = {{"s", 1'000'000'000}, {"ms", 1'000'000}, {"us", 1'000}};
  constexpr uint64_t kParts = 1000;
  const char* const sign = nanoseconds < 0 ? "-" : "";
  const uint64_t count = nanoseconds < 0 ? 0 - static_cast<uint64_t>(nanoseconds) : static_cast<uint64_t>(nanoseconds);
  for (const Unit& unit : kUnits) {
    if (count < unit.nanoseconds) continue;
    const uint64_t thousandths = count / (unit.nanoseconds / kParts);
    return fmt::format("{}{}.{:03} {}", sign, thousandths / kParts, thousandths % kParts, unit.name);
  }
  return fmt::format("{}{} ns", sign, count);
}

}  // namespace dlog::format
