// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "symbolizer/expr/ast.h"
#include "symbolizer/expr/syntax_error.h"

namespace dlog::expr {
namespace {

// Bytes shown on each side of the caret; longer sources are cut with "...".
constexpr size_t kContext = 60;

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

bool IsShown(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte != 0x7f;
}

// Length of the well-formed UTF-8 sequence at the start of `text`, or 0. (Unicode standard, table 3-7.)
size_t Utf8Length(std::string_view text) {
  const auto at = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto is_tail = [&](size_t i) { return (at(i) & 0xc0) == 0x80; };
  const unsigned first = at(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return is_tail(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const unsigned low = first == 0xe0 ? 0xa0 : 0x80;
    const unsigned high = first == 0xed ? 0x9f : 0xbf;  // no surrogates
    return at(1) >= low && at(1) <= high && is_tail(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const unsigned low = first == 0xf0 ? 0x90 : 0x80;
    const unsigned high = first == 0xf4 ? 0x8f : 0xbf;
    return at(1) >= low && at(1) <= high && is_tail(2) && is_tail(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::string WithCaret(std::string_view message, std::string_view source, size_t offset) {
  offset = std::min(offset, source.size());
  size_t begin = offset > kContext ? offset - kContext : 0;
  size_t end = source.size() - offset > kContext ? offset + kContext : source.size();
  while (begin > 0 && begin < offset && IsContinuation(source[begin])) ++begin;
  while (end < source.size() && end > offset && IsContinuation(source[end])) --end;

  std::string line = begin > 0 ? "..." : "";
  size_t column = line.size();
  for (size_t i = begin; i < end; ++i) {
    if (i < offset && !IsContinuation(source[i])) ++column;
    line += IsShown(source[i]) ? source[i] : ' ';
  }
  if (end < source.size()) line += "...";
  std::string out(message);
  out += "\n  ";
  out += line;
  out += "\n  ";
  out.append(column, ' ');
  out += '^';
  return out;
}

absl::Status ToStatus(const SyntaxError& error, std::string_view source) {
  return absl::InvalidArgumentError(WithCaret(error.message, source, error.offset));
}

std::optional<size_t> FindInvalidUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const size_t length = Utf8Length(text.substr(i));
    if (length == 0) return i;
    i += length;
  }
  return std::nullopt;
}

}  // namespace dlog::expr
