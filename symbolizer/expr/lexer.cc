// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/expr/lexer.h"

#include <algorithm>
#include <iterator>

namespace dlog::expr {
namespace {

// Longest first: the first that matches is taken ([lex.pptoken]/3).
constexpr std::string_view kPunctuators[] = {
    "<=>", "<<=", ">>=", "->*", "...", "::", "->", "++", "--", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||",
    "+=",  "-=",  "*=",  "/=",  "%=",  "&=", "|=", "^=", ".*", "+",  "-",  "*",  "/",  "%",  "&",  "|",  "^",
    "~",   "!",   "<",   ">",   "=",   "?",  ":",  ",",  ";",  ".",  "(",  ")",  "[",  "]",  "{",  "}",
};

// [lex.string]: encoding prefixes, and raw strings.
constexpr std::string_view kLiteralPrefixes[] = {"L", "u", "U", "u8", "R", "LR", "uR", "UR", "u8R"};

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

}  // namespace

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Bytes of multi-byte UTF-8 characters count as letters: a name that no program has is simply not found.
bool IsIdentifierStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

bool IsIdentifierPart(char c) { return IsIdentifierStart(c) || IsDigit(c); }

Token Lexer::Make(TokenKind kind, size_t begin) { return {kind, source_.substr(begin, at_ - begin), begin, at_}; }

Token Lexer::Fail(std::string message, size_t offset) {
  failed_ = true;
  error_ = {std::move(message), offset};
  return {TokenKind::kError, {}, offset, offset};
}

Token Lexer::LexIdentifier() {
  const size_t begin = at_++;
  while (at_ < source_.size() && IsIdentifierPart(source_[at_])) ++at_;
  return Make(TokenKind::kIdentifier, begin);
}

// A preprocessing number ([lex.ppnumber]): greedy, so that "12abc" is one bad number and not two tokens.
Token Lexer::LexNumber() {
  const size_t begin = at_;
  const bool is_hex = Peek(0) == '0' && (Peek(1) == 'x' || Peek(1) == 'X');
  while (at_ < source_.size()) {
    const char c = source_[at_];
    const char before = at_ > begin ? source_[at_ - 1] : '\0';
    const bool after_exponent = is_hex ? before == 'p' || before == 'P' : before == 'e' || before == 'E';
    const bool is_separator = c == '\'' && IsIdentifierPart(Peek(1));
    if (!IsIdentifierPart(c) && c != '.' && !is_separator && !((c == '+' || c == '-') && after_exponent)) break;
    at_ += is_separator ? 2 : 1;
  }
  return Make(TokenKind::kNumber, begin);
}

Token Lexer::LexQuoted(char quote) {
  const size_t begin = at_++;
  while (at_ < source_.size() && source_[at_] != quote && source_[at_] != '\n') {
    at_ += source_[at_] == '\\' && at_ + 1 < source_.size() ? 2 : 1;
  }
  if (at_ >= source_.size() || source_[at_] != quote) {
    return Fail(quote == '"' ? "this string literal does not end" : "this character literal does not end", begin);
  }
  ++at_;
  if (at_ < source_.size() && IsIdentifierStart(source_[at_])) {
    return Fail("suffixes of character and string literals are not supported", at_);
  }
  return Make(quote == '"' ? TokenKind::kString : TokenKind::kChar, begin);
}

Token Lexer::Next() {
  if (failed_) return {TokenKind::kError, {}, error_.offset, error_.offset};
  while (at_ < source_.size() && IsSpace(source_[at_])) ++at_;
  if (at_ >= source_.size()) return {TokenKind::kEnd, {}, source_.size(), source_.size()};

  const size_t begin = at_;
  const char c = source_[at_];
  if (c == '"' || c == '\'') return LexQuoted(c);
  if (IsDigit(c) || (c == '.' && IsDigit(Peek(1)))) return LexNumber();
  if (c == '$') {
    if (!IsIdentifierStart(Peek(1))) return Fail("'$' must be followed by a name, as in $pid", begin);
    return LexIdentifier();
  }
  if (IsIdentifierStart(c)) {
    Token word = LexIdentifier();
    const bool quote_follows = Peek(0) == '"' || Peek(0) == '\'';
    if (quote_follows &&
        std::find(std::begin(kLiteralPrefixes), std::end(kLiteralPrefixes), word.text) != std::end(kLiteralPrefixes)) {
      return Fail("wide, UTF and raw literals are not supported; write a plain literal", begin);
    }
    return word;
  }
  for (std::string_view punctuator : kPunctuators) {
    if (source_.substr(at_, punctuator.size()) == punctuator) {
      at_ += punctuator.size();
      return Make(TokenKind::kPunctuator, begin);
    }
  }
  return Fail("this character cannot stand in an expression", begin);
}

}  // namespace dlog::expr
