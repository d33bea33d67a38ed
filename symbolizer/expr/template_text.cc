// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "absl/status/status.h"
#include "symbolizer/expr/ast.h"
#include "symbolizer/expr/format_spec.h"
#include "symbolizer/expr/lexer.h"
#include "symbolizer/expr/limits.h"
#include "symbolizer/expr/parser.h"
#include "symbolizer/expr/syntax_error.h"

namespace dlog::expr {
namespace {

constexpr std::string_view kSpaces = " \t\n\v\f\r";

// What stands between one pair of braces.
struct Placeholder {
  size_t expression_begin = 0;
  size_t expression_end = 0;
  size_t format_begin = 0;
  size_t format_end = 0;
  size_t end = 0;  // behind the '}'
};

class TemplateParser {
 public:
  explicit TemplateParser(std::string_view source) : source_(source) {}

  std::optional<SyntaxError> Parse(Template* out);

 private:
  // `open` is the offset of the '{'.
  std::optional<SyntaxError> FindEnd(size_t open, Placeholder* out) const;
  std::optional<SyntaxError> FindFormatEnd(size_t open, Placeholder* out) const;
  std::optional<SyntaxError> ParsePlaceholder(size_t open, TemplateExpression* out, size_t* end) const;

  const std::string_view source_;
};

bool SplitsAt(const Token& token, std::string_view source) {
  if (token.Is(":")) return true;
  // "::" names a scope when a name follows; otherwise it is the ':' of a format whose fill character is ':'.
  if (!token.Is("::")) return false;
  const size_t next = source.find_first_not_of(kSpaces, token.end);
  return next == std::string_view::npos || !IsIdentifierStart(source[next]);
}

// Walks over the tokens of the expression, so that braces and colons within literals and brackets are not taken for
// the template's own.
std::optional<SyntaxError> TemplateParser::FindEnd(size_t open, Placeholder* out) const {
  Lexer lexer(source_, open + 1);
  int brackets = 0;
  int questions = 0;
  out->expression_begin = open + 1;
  while (true) {
    const Token token = lexer.Next();
    if (token.kind == TokenKind::kError) return lexer.error();
    if (token.kind == TokenKind::kEnd) return SyntaxError{"this '{' is not closed; write '{{' for a brace", open};
    if (token.Is("{")) return SyntaxError{"a '{' cannot stand within an expression", token.begin};
    if (token.Is("}")) {
      out->expression_end = out->format_begin = out->format_end = token.begin;
      out->end = token.end;
      return std::nullopt;
    }
    if (token.Is("(") || token.Is("[")) ++brackets;
    if (token.Is(")") || token.Is("]")) --brackets;
    if (brackets > 0) continue;
    if (token.Is("?")) ++questions;
    if (!SplitsAt(token, source_)) continue;
    if (questions > 0) {
      --questions;
      continue;
    }
    out->expression_end = token.begin;
    out->format_begin = token.begin + 1;
    return FindFormatEnd(open, out);
  }
}

std::optional<SyntaxError> TemplateParser::FindFormatEnd(size_t open, Placeholder* out) const {
  const size_t at = source_.find_first_of("{}", out->format_begin);
  if (at == std::string_view::npos) return SyntaxError{"this '{' is not closed; write '{{' for a brace", open};
  if (source_[at] == '{') return SyntaxError{"a '{' cannot stand within a format", at};
  out->format_end = at;
  out->end = at + 1;
  return std::nullopt;
}

std::optional<SyntaxError> TemplateParser::ParsePlaceholder(size_t open, TemplateExpression* out, size_t* end) const {
  Placeholder place;
  if (auto error = FindEnd(open, &place); error.has_value()) return error;
  std::string_view text = source_.substr(place.expression_begin, place.expression_end - place.expression_begin);
  const size_t leading = text.find_first_not_of(kSpaces);
  if (leading == std::string_view::npos) {
    return SyntaxError{"an expression is expected between the braces; write '{{' for a brace", place.expression_begin};
  }
  text = text.substr(leading, text.find_last_not_of(kSpaces) - leading + 1);

  out->text = std::string(text);
  out->offset = place.expression_begin + leading;
  SyntaxError inner;
  out->ast = ParseSource(text, &inner);
  if (out->ast == nullptr) return SyntaxError{inner.message, inner.offset + out->offset};

  const std::string_view format = source_.substr(place.format_begin, place.format_end - place.format_begin);
  if (auto error = CheckFormat(format); error.has_value()) {
    return SyntaxError{error->message, error->offset + place.format_begin};
  }
  out->format = std::string(format);
  if (const std::string_view count = CountExpression(format); !count.empty()) {
    out->count = ParseSource(count, &inner);
    if (out->count == nullptr) return SyntaxError{inner.message, inner.offset + place.format_begin + 1};
  }
  *end = place.end;
  return std::nullopt;
}

std::optional<SyntaxError> TemplateParser::Parse(Template* out) {
  std::string literal;
  for (size_t at = 0; at < source_.size();) {
    const char c = source_[at];
    if (c != '{' && c != '}') {
      literal += c;
      ++at;
    } else if (at + 1 < source_.size() && source_[at + 1] == c) {
      literal += c;
      at += 2;
    } else if (c == '}') {
      return SyntaxError{"this '}' closes nothing; write '}}' for a brace", at};
    } else {
      if (out->expressions.size() == kMaxTemplateExpressions) {
        return SyntaxError{"more than " + std::to_string(kMaxTemplateExpressions) + " expressions in one template", at};
      }
      TemplateExpression expression;
      if (auto error = ParsePlaceholder(at, &expression, &at); error.has_value()) return error;
      out->literals.push_back(std::move(literal));
      literal.clear();
      out->expressions.push_back(std::move(expression));
    }
  }
  out->literals.push_back(std::move(literal));
  return std::nullopt;
}

}  // namespace

absl::StatusOr<Template> ParseTemplate(std::string_view source) {
  if (source.size() > kMaxTemplateLength) {
    return absl::InvalidArgumentError("the template is longer than " + std::to_string(kMaxTemplateLength) + " bytes");
  }
  if (const std::optional<size_t> bad = FindInvalidUtf8(source); bad.has_value()) {
    return ToStatus({"this is not UTF-8 text", *bad}, source);
  }
  Template out;
  if (auto error = TemplateParser(source).Parse(&out); error.has_value()) return ToStatus(*error, source);
  return out;
}

}  // namespace dlog::expr
