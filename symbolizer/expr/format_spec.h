// SPDX-License-Identifier: Apache-2.0
//
// The text after the ':' in {expression:format}. Only its shape is checked here; whether it fits the value's type is
// seen when a value is rendered.
//
//   std::format:  [[fill]align][sign][#][0][width][.precision][L][type]
//   [N]           a pointer shown as the first N elements of an array; N may be an expression
//   errno         an error number shown by name
//   %...          a conversion in strftime style, for times
#pragma once

#include <optional>
#include <string_view>

#include "symbolizer/expr/syntax_error.h"

namespace dlog::expr {

// What is wrong with `format` (offset within it), or nothing. An empty format is right.
// The expression in "[EXPRESSION]" is left to the parser.
std::optional<SyntaxError> CheckFormat(std::string_view format);

// What stands between the brackets of a right format "[EXPRESSION]"; empty for all others, "[3]" included.
std::string_view CountExpression(std::string_view format);

}  // namespace dlog::expr
