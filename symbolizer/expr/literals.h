// SPDX-License-Identifier: Apache-2.0
//
// Values and types of C++ literals ([lex.literal]) on x86-64 Linux: int 32 bits, long 64 bits, char signed.
// And times with a unit, as in the standard library: 5ms, 1.5s.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "symbolizer/expr/lexer.h"
#include "symbolizer/expr/syntax_error.h"

namespace dlog::expr {

struct NumberLiteral {
  bool is_float = false;
  std::string type_name;  // as in Ast::type_name
  uint64_t integer = 0;
  double floating = 0;
  bool is_time = false;  // with a unit (ns, us, ms, s): `integer` counts nanoseconds
};

// Each returns nothing and fills *error (offset in the token's source) when the literal is not one.
std::optional<NumberLiteral> EvaluateNumber(const Token& token, SyntaxError* error);
// The value of a character literal, sign-extended as char is.
std::optional<uint64_t> EvaluateChar(const Token& token, SyntaxError* error);
// Appends the contents of a string literal to *out; false on error.
bool AppendString(const Token& token, std::string* out, SyntaxError* error);

}  // namespace dlog::expr
