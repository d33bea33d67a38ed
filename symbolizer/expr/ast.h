// SPDX-License-Identifier: Apache-2.0
//
// Expressions and template text as written, before any name is looked up.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace dlog::expr {

enum class AstKind {
  kName,       // text = "o", "ns::g", "this", "$pid"
  kInteger,    // integer, with `type_name`
  kFloat,      // floating
  kTime,       // integer = nanoseconds: "5ms"
  kChar,       // integer
  kString,     // text = contents
  kBool,       // integer = 0 / 1
  kNull,       // nullptr
  kMember,     // operands[0] . text
  kArrow,      // operands[0] -> text
  kIndex,      // operands[0] [ operands[1] ]
  kDeref,      // * operands[0]
  kAddressOf,  // & operands[0]
  kUnary,      // op operands[0]          op: "-" "+" "!" "~"
  kBinary,     // operands[0] op operands[1]   op: arithmetic, comparison, "&&" "||"
  kCast,       // (type_name ***) operands[0], with `integer` stars; text = "" or "static_cast", "reinterpret_cast"
  kAccessor,   // operands[0] . text (): "size", "empty", ...; no call, but what the container's shape knows
};

struct Ast {
  AstKind kind = AstKind::kName;
  std::string text;       // name, member name, operator or string contents
  std::string type_name;  // literals: "int", "unsigned int", "long", "unsigned long", "float", "double", "char";
                          // casts: a fundamental type in this spelling, or a name as written
  uint64_t integer = 0;
  double floating = 0;
  size_t begin = 0;  // byte range in the source text, for carets
  size_t end = 0;
  std::vector<std::unique_ptr<Ast>> operands;
};

using AstPtr = std::unique_ptr<Ast>;

// Text of an error with the place marked:
//   "expected ')' \n  (a + b\n         ^"
// `source` is shown as one line; `offset` is a byte offset into it.
std::string WithCaret(std::string_view message, std::string_view source, size_t offset);

// C++ precedence and literal rules. InvalidArgument with a caret for syntax errors, and for what has side effects
// (assignment, ++, calls) with the reason. Depth and length are limited (kMaxExpressionLength, kMaxDepth).
absl::StatusOr<AstPtr> ParseExpression(std::string_view source);

struct TemplateExpression {
  std::string text;    // between the braces, before the format
  std::string format;  // after the ':' that is not part of '::' or nested, or empty
  size_t offset = 0;   // of `text` in the template
  AstPtr ast;
  AstPtr count;  // of a format "[EXPRESSION]"; else null
};

struct Template {
  std::vector<std::string> literals;  // one more than expressions; "{{" and "}}" already unescaped
  std::vector<TemplateExpression> expressions;
};

// Debug-Adapter-Protocol logpoint text. Errors carry a caret under the template.
absl::StatusOr<Template> ParseTemplate(std::string_view source);

}  // namespace dlog::expr
