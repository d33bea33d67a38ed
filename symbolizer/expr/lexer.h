// SPDX-License-Identifier: Apache-2.0
//
// C++ tokens, one at a time. The template scanner uses the same lexer to find where an expression ends.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "symbolizer/expr/syntax_error.h"

namespace dlog::expr {

enum class TokenKind {
  kEnd,
  kError,       // see Lexer::error()
  kIdentifier,  // also keywords and "$name"
  kNumber,      // as written; literals.h gives the value
  kChar,        // as written, with quotes
  kString,      // as written, with quotes
  kPunctuator,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string_view text;  // points into the source
  size_t begin = 0;
  size_t end = 0;

  bool Is(std::string_view punctuator) const { return kind == TokenKind::kPunctuator && text == punctuator; }
  bool IsWord(std::string_view word) const { return kind == TokenKind::kIdentifier && text == word; }
};

// `source` must outlive the lexer and its tokens. Offsets count from its start.
class Lexer {
 public:
  explicit Lexer(std::string_view source, size_t start = 0) : source_(source), at_(start) {}

  // The next token; kEnd for ever at the end, kError for ever after an error.
  Token Next();

  const SyntaxError& error() const { return error_; }

 private:
  Token Make(TokenKind kind, size_t begin);
  Token Fail(std::string message, size_t offset);
  Token LexIdentifier();
  Token LexNumber();
  Token LexQuoted(char quote);
  char Peek(size_t ahead) const { return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0'; }

  std::string_view source_;
  size_t at_;
  bool failed_ = false;
  SyntaxError error_;
};

bool IsIdentifierStart(char c);
bool IsIdentifierPart(char c);
bool IsDigit(char c);

}  // namespace dlog::expr
