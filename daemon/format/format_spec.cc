// SPDX-License-Identifier: Apache-2.0
#include "daemon/format/format_spec.h"

#include <fmt/format.h>

#include <exception>

namespace dlog::format {

std::string CheckFormatSpec(std::string_view spec) {
  int number = 0;
  for (const char c : spec) {
    if (c == '{' || c == '}') return "a format cannot contain braces";
    number = c >= '0' && c <= '9' ? number * 10 + (c - '0') : 0;
    if (number > kMaxFormatWidth) return fmt::format("width or precision is over {}", kMaxFormatWidth);
  }
  return {};
}

bool WantsInteger(std::string_view spec) {
  return !spec.empty() && std::string_view("bBdoxXc").find(spec.back()) != std::string_view::npos;
}

bool FormatWithSpec(std::string_view spec, fmt::format_args args, std::string* out, std::string* error) {
  std::string reason = CheckFormatSpec(spec);
  if (reason.empty()) {
    // The formatter reports by exception; this is the boundary.
    try {
      const std::string formatted = fmt::vformat(fmt::format("{{:{}}}", spec), args);
      out->clear();
      AppendBare(formatted, out);
      return true;
    } catch (const std::exception& failure) {
      reason = failure.what();
    }
  }
  *error = "format ':";
  AppendOneLine(spec, error);
  error->append("': ").append(reason);
  return false;
}

}  // namespace dlog::format
