// SPDX-License-Identifier: Apache-2.0
#include "daemon/format/event_text.h"

#include <fmt/format.h>

#include <iterator>
#include <string_view>

#include "daemon/format/text_escape.h"
#include "daemon/format/time_text.h"

namespace dlog::format {

using event::Text;

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

void AppendLosses(const event::Event& event, Text* out) {
  if (event.lost_since_last.empty()) return;
  fmt::format_to(std::back_inserter(*out), " ~{} (", event.hits_since_last);
  bool first = true;
  for (const event::Loss& loss : event.lost_since_last) {
    if (!first) out->append(", ");
    first = false;
    AppendOneLine(loss.reason, out);
    fmt::format_to(std::back_inserter(*out), " {}", loss.count);
  }
  out->push_back(')');
}

template <typename T>
void AppendNumber(T number, Text* out) {
  const fmt::format_int digits(number);
  out->append({digits.data(), digits.size()});
}

}  // namespace

void AppendEventText(const event::Event& event, const TextOptions& options, Text* out) {
  const event::Source& source = *event.source;
  std::string_view file = source.file;
  if (const size_t slash = file.rfind('/'); slash != std::string_view::npos) file.remove_prefix(slash + 1);
  if (options.color) out->append(kDim);
  char* const time = out->Room(kMaxTimeBytes);
  out->Advance(static_cast<size_t>(WriteTime(event.time_unix_ns, 6, time) - time));
  out->push_back(' ');
  if (options.host) {
    AppendOneLine(event.source->host, out);
    out->push_back(' ');
  }
  AppendOneLine(file, out);
  out->push_back(':');
  AppendNumber(source.line, out);
  out->append(" [");
  AppendNumber(event.pid, out);
  out->push_back('/');
  AppendNumber(event.tid, out);
  out->push_back(' ');
  AppendOneLine(event.comm, out);
  out->append("] ");
  if (options.color) out->append(kReset).append(LevelColor(source.level));
  out->append(LevelMark(source.level));
  AppendOneLine(event.message, out);
  if (options.color && !LevelColor(source.level).empty()) out->append(kReset);
  AppendLosses(event, out);
  if (event.throttle_factor > 1) {
    fmt::format_to(std::back_inserter(*out), " ~{:.3g}x (throttled)", event.throttle_factor);
  }
}

}  // namespace dlog::format
