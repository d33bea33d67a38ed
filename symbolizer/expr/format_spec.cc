// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/expr/format_spec.h"

#include "symbolizer/expr/lexer.h"
#include "symbolizer/expr/limits.h"

namespace dlog::expr {
namespace {

constexpr std::string_view kTypes = "aAbBcdeEfFgGopsxX?";

bool IsAlign(char c) { return c == '<' || c == '>' || c == '^'; }

// Bytes of the UTF-8 character at the start; the template was checked to be well-formed.
size_t CharacterLength(std::string_view text) {
  size_t n = 1;
  while (n < text.size() && (static_cast<unsigned char>(text[n]) & 0xc0) == 0x80) ++n;
  return n;
}

bool IsArray(std::string_view format) {
  // A fill character '[' is only one when an alignment follows.
  return !format.empty() && format[0] == '[' && !(format.size() > 1 && IsAlign(format[1]));
}

// Whether digits and no more stand behind the '['.
bool IsCounted(std::string_view format) {
  const size_t end = format.find_first_not_of("0123456789", 1);
  return end != 1 && (end == std::string_view::npos || format[end] == ']');
}

class FormatChecker {
 public:
  explicit FormatChecker(std::string_view format) : format_(format) {}

  std::optional<SyntaxError> CheckStandard() {
    SkipFillAndAlign();
    TakeOneOf("+- ");
    TakeOneOf("#");
    TakeOneOf("0");
    if (auto error = TakeNumber("width", kMaxFormatWidth); error.has_value()) return error;
    if (TakeOneOf(".")) {
      if (!IsDigit(Peek())) return Error("a precision is expected after '.'");
      if (auto error = TakeNumber("precision", kMaxFormatWidth); error.has_value()) return error;
    }
    TakeOneOf("L");
    TakeOneOf(kTypes);
    if (at_ != format_.size()) return Error("unknown format; formats are as in std::format, or [N], errno, %...");
    return std::nullopt;
  }

  std::optional<SyntaxError> CheckArray() {
    at_ = 1;
    if (!IsCounted(format_)) return CheckBrackets();
    const size_t number = at_;
    if (auto error = TakeNumber("number of elements", kMaxArrayFormatItems); error.has_value()) return error;
    if (format_.substr(number, at_ - number).find_first_not_of('0') == std::string_view::npos) {
      at_ = number;
      return Error("the number of elements must not be 0");
    }
    if (Peek() != ']') return Error("']' is expected here");
    ++at_;
    if (at_ != format_.size()) return Error("nothing may follow the ']'");
    return std::nullopt;
  }

 private:
  // Around an expression.
  std::optional<SyntaxError> CheckBrackets() {
    const size_t last = format_.rfind(']');
    at_ = last == std::string_view::npos ? format_.size() : last + 1;
    if (last == std::string_view::npos) return Error("']' is expected here");
    if (at_ != format_.size()) return Error("nothing may follow the ']'");
    at_ = 1;
    if (format_.substr(1, last - 1).find_first_not_of(' ') == std::string_view::npos) {
      return Error("a number of elements is expected after '['");
    }
    return std::nullopt;
  }

  char Peek() const { return at_ < format_.size() ? format_[at_] : '\0'; }
  SyntaxError Error(std::string message) const { return {std::move(message), at_}; }

  bool TakeOneOf(std::string_view characters) {
    if (at_ >= format_.size() || characters.find(format_[at_]) == std::string_view::npos) return false;
    ++at_;
    return true;
  }

  void SkipFillAndAlign() {
    if (format_.empty()) return;
    const size_t fill = CharacterLength(format_);
    if (fill < format_.size() && IsAlign(format_[fill])) {
      at_ = fill + 1;
    } else if (IsAlign(format_[0])) {
      at_ = 1;
    }
  }

  std::optional<SyntaxError> TakeNumber(const char* what, unsigned max) {
    const size_t begin = at_;
    unsigned value = 0;
    while (IsDigit(Peek())) {
      value = value * 10 + static_cast<unsigned>(Peek() - '0');
      if (value > max) {
        return SyntaxError{std::string("this ") + what + " is larger than " + std::to_string(max), begin};
      }
      ++at_;
    }
    return std::nullopt;
  }

  const std::string_view format_;
  size_t at_ = 0;
};

}  // namespace

std::optional<SyntaxError> CheckFormat(std::string_view format) {
  const size_t most = IsArray(format) ? kMaxArrayFormatLength : kMaxFormatLength;
  if (format.size() > most) {
    return SyntaxError{"this format is longer than " + std::to_string(most) + " bytes", 0};
  }
  if (format == "errno") return std::nullopt;
  // A fill character '%' is only one when an alignment follows.
  const bool is_fill = format.size() > 1 && IsAlign(format[1]);
  if (!format.empty() && format[0] == '%' && !is_fill) {
    if (format.size() == 1) return SyntaxError{"a conversion is expected after '%'", 1};
    return std::nullopt;
  }
  FormatChecker checker(format);
  return IsArray(format) ? checker.CheckArray() : checker.CheckStandard();
}

std::string_view CountExpression(std::string_view format) {
  if (!IsArray(format) || IsCounted(format) || format.back() != ']') return {};
  return format.substr(1, format.size() - 2);
}

}  // namespace dlog::expr
