// SPDX-License-Identifier: Apache-2.0
#include "daemon/format/event_text.h"

#include <fmt/format.h>

#include <iterator>
#include <string_view>

#include "daemon/format/text_escape.h"
#include "daemon/format/time_text.h"

namespace dlog::format {
namespace {

constexpr std::string_view kDim = "\x1b[2m";
constexpr std::string_view kReset = "\x1b[0m";

std::string_view LevelColor(v1::Level level) {
  switch (level) {
    case v1::LEVEL_DEBUG:
      return "\x1b[36m";
    case v1::LEVEL_WARN:
      return "\x1b[33m";
    case v1::LEVEL_ERROR:
      return "\x1b[31m";
    default:
      return {};
  }
}

std::string_view LevelMark(v1::Level level) {
  switch (level) {
    case v1::LEVEL_DEBUG:
      return "DEBUG ";
    case v1::LEVEL_WARN:
      return "WARN ";
    case v1::LEVEL_ERROR:
      return "ERROR ";
    default:
      return {};
  }
}

void AppendLosses(const v1::Event& event, std::string* out) {
  if (event.lost_since_last_size() == 0) return;
  fmt::format_to(std::back_inserter(*out), " ~{} (", event.hits_since_last());
  bool first = true;
  for (const v1::Loss& loss : event.lost_since_last()) {
    if (!first) out->append(", ");
    first = false;
    AppendOneLine(loss.reason(), out);
    fmt::format_to(std::back_inserter(*out), " {}", loss.count());
  }
  out->push_back(')');
}

}  // namespace

void AppendEventText(const v1::Event& event, const TextOptions& options, std::string* out) {
  std::string_view file = event.file();
  if (const size_t slash = file.rfind('/'); slash != std::string_view::npos) file.remove_prefix(slash + 1);
  if (options.color) out->append(kDim);
  AppendTime(event.time_unix_ns(), 6, out);
  out->push_back(' ');
  AppendOneLine(file, out);
  fmt::format_to(std::back_inserter(*out), ":{} [{}/{} ", event.line(), event.pid(), event.tid());
  AppendOneLine(event.comm(), out);
  out->append("] ");
  if (options.color) out->append(kReset).append(LevelColor(event.level()));
  out->append(LevelMark(event.level()));
  AppendOneLine(event.message(), out);
  if (options.color && !LevelColor(event.level()).empty()) out->append(kReset);
  AppendLosses(event, out);
  if (event.throttle_factor() > 1) {
    fmt::format_to(std::back_inserter(*out), " ~{:.3g}x (throttled)", event.throttle_factor());
  }
}

}  // namespace dlog::format
