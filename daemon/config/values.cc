// SPDX-License-Identifier: Apache-2.0
#include "daemon/config/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <string_view>

#include "absl/strings/numbers.h"
#include "absl/time/time.h"

namespace dlog {
namespace {

constexpr uint64_t kMaxBytes = uint64_t{1} << 50;

// Takes the digits off the front of `text`; false when there are none or too many.
bool TakeNumber(std::string_view* text, uint64_t* out) {
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), *out);
  if (error != std::errc()) return false;
  text->remove_prefix(static_cast<size_t>(end - text->data()));
  return true;
}

absl::Status Wrong(const std::string& text, const char* what, const char* example) {
  return absl::InvalidArgumentError(fmt::format("'{}' is not {}, for example {}", text, what, example));
}

}  // namespace

absl::StatusOr<uint64_t> ParseCount(const std::string& text) {
  std::string_view rest = text;
  uint64_t count = 0;
  if (!TakeNumber(&rest, &count) || !rest.empty()) return Wrong(text, "a number", "1000");
  return count;
}

absl::StatusOr<uint64_t> ParseDurationMs(const std::string& text) {
  absl::Duration duration;
  if (!absl::ParseDuration(text, &duration) || duration < absl::Milliseconds(1) ||
      duration == absl::InfiniteDuration()) {
    return Wrong(text, "a duration", "10m or 1h30m");
  }
  return static_cast<uint64_t>(absl::ToInt64Milliseconds(duration));
}

absl::StatusOr<uint64_t> ParseRate(const std::string& text) {
  std::string_view rest = text;
  uint64_t rate = 0;
  if (!TakeNumber(&rest, &rate) || (!rest.empty() && rest != "/s")) return Wrong(text, "a rate", "500/s");
  return rate;
}

absl::StatusOr<double> ParsePart(const std::string& text) {
  std::string_view number = text;
  const bool percent = !number.empty() && number.back() == '%';
  if (percent) number.remove_suffix(1);
  double value = 0;
  if (!absl::SimpleAtod({number.data(), number.size()}, &value) || !(value > 0) || std::isinf(value))
    return Wrong(text, "a part", "1%");
  return percent ? value / 100 : value;
}

absl::StatusOr<uint64_t> ParseBytes(const std::string& text) {
  std::string lower = text;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  std::string_view rest = lower;
  uint64_t bytes = 0;
  if (!TakeNumber(&rest, &bytes)) return Wrong(text, "a size", "16KiB");
  uint64_t unit = 0;
  if (rest.empty() || rest == "b") unit = 1;
  if (rest == "k" || rest == "kb" || rest == "kib") unit = 1 << 10;
  if (rest == "m" || rest == "mb" || rest == "mib") unit = 1 << 20;
  if (rest == "g" || rest == "gb" || rest == "gib") unit = 1 << 30;
  if (unit == 0 || bytes > kMaxBytes / unit) return Wrong(text, "a size", "16KiB");
  return bytes * unit;
}

}  // namespace dlog
