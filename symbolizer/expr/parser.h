// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "symbolizer/expr/ast.h"
#include "symbolizer/expr/syntax_error.h"

namespace dlog::expr {

// As ParseExpression, with the error still apart from its caret. Null when *error is set.
AstPtr ParseSource(std::string_view source, SyntaxError* error);

}  // namespace dlog::expr
