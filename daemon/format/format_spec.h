// SPDX-License-Identifier: Apache-2.0
//
// The user's format after the ':' of "{x:#x}", applied at run time to one argument. The text is hostile: widths are
// limited, nested fields are refused, and nothing is thrown at the caller.
#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>

#include "daemon/format/text_escape.h"

namespace dlog::format {

// Widths and precisions beyond this are refused: the line would be nothing but padding.
inline constexpr int kMaxFormatWidth = 1024;

// Empty when `spec` may be given to the formatter, else the reason.
std::string CheckFormatSpec(std::string_view spec);

// Whether `spec` asks for an integer presentation (d, x, X, b, B, o, c).
bool WantsInteger(std::string_view spec);

// "{:spec}" of `args`. False with *error when the spec does not fit the type.
bool FormatWithSpec(std::string_view spec, fmt::format_args args, std::string* out, std::string* error);

template <typename T>
bool FormatWithSpec(std::string_view spec, const T& value, std::string* out, std::string* error) {
  return FormatWithSpec(spec, fmt::format_args(fmt::make_format_args(value)), out, error);
}

}  // namespace dlog::format
