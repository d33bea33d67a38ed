// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/expr/literals.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <limits>

namespace dlog::expr {
namespace {

constexpr uint32_t kMaxCodePoint = 0x10ffff;

int DigitValue(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 99;
}

// The digits without separators; nothing when a ' does not stand between two digits.
std::optional<std::string> RemoveSeparators(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\'') {
      out += text[i];
    } else if (i == 0 || i + 1 == text.size() || DigitValue(text[i - 1]) > 15 || DigitValue(text[i + 1]) > 15) {
      return std::nullopt;
    }
  }
  return out;
}

struct IntegerSuffix {
  bool is_unsigned = false;
  bool is_long = false;
};

std::optional<IntegerSuffix> ParseIntegerSuffix(std::string_view suffix) {
  IntegerSuffix out;
  auto take_unsigned = [&] {
    if (out.is_unsigned || suffix.empty() || (suffix[0] != 'u' && suffix[0] != 'U')) return;
    out.is_unsigned = true;
    suffix.remove_prefix(1);
  };
  take_unsigned();
  if (suffix.substr(0, 2) == "ll" || suffix.substr(0, 2) == "LL") {
    out.is_long = true;
    suffix.remove_prefix(2);
  } else if (!suffix.empty() && (suffix[0] == 'l' || suffix[0] == 'L')) {
    out.is_long = true;
    suffix.remove_prefix(1);
  }
  take_unsigned();
  if (!suffix.empty()) return std::nullopt;
  return out;
}

// [lex.icon], table 9: the first type of the list that can hold the value; decimal literals never become unsigned.
const char* IntegerType(uint64_t value, int base, IntegerSuffix suffix) {
  const bool may_be_unsigned = suffix.is_unsigned || base != 10;
  if (!suffix.is_long) {
    if (!suffix.is_unsigned && value <= std::numeric_limits<int32_t>::max()) return "int";
    if (may_be_unsigned && value <= std::numeric_limits<uint32_t>::max()) return "unsigned int";
  }
  if (!suffix.is_unsigned && value <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return "long";
  return may_be_unsigned ? "unsigned long" : nullptr;
}

std::optional<NumberLiteral> EvaluateInteger(std::string_view digits, int base, const Token& token,
                                             SyntaxError* error) {
  size_t n = 0;
  uint64_t value = 0;
  bool overflow = false;
  for (; n < digits.size() && DigitValue(digits[n]) < base; ++n) {
    overflow = overflow || __builtin_mul_overflow(value, static_cast<uint64_t>(base), &value) ||
               __builtin_add_overflow(value, static_cast<uint64_t>(DigitValue(digits[n])), &value);
  }
  const std::optional<IntegerSuffix> suffix = ParseIntegerSuffix(digits.substr(n));
  if (!suffix.has_value() || (n == 0 && base != 8)) {
    *error = {"this is not a number", token.begin};
    return std::nullopt;
  }
  const char* type = overflow ? nullptr : IntegerType(value, base, *suffix);
  if (type == nullptr) {
    *error = {overflow ? "this integer does not fit into 64 bits"
                       : "this integer does not fit into a long; write the suffix u for an unsigned one",
              token.begin};
    return std::nullopt;
  }
  return NumberLiteral{false, type, value, 0};
}

std::optional<NumberLiteral> EvaluateFloat(std::string_view text, bool is_hex, const Token& token, SyntaxError* error) {
  NumberLiteral out{true, "double", 0, 0};
  const char last = text.back();
  if (last == 'l' || last == 'L') {
    *error = {"long double literals are not supported", token.begin};
    return std::nullopt;
  }
  // In "0x1f" the f is a digit, but a hexadecimal float always has an exponent, whose digits are decimal.
  const bool is_float = last == 'f' || last == 'F';
  if (is_float) text.remove_suffix(1);
  if (is_hex) text.remove_prefix(2);
  const auto format = is_hex ? std::chars_format::hex : std::chars_format::general;
  const char* end = text.data() + text.size();
  std::from_chars_result result{};
  if (is_float) {
    float value = 0;
    result = std::from_chars(text.data(), end, value, format);
    out.floating = value;
    out.type_name = "float";
  } else {
    result = std::from_chars(text.data(), end, out.floating, format);
  }
  if (text.empty() || text[0] == '-' || result.ec == std::errc::invalid_argument || result.ptr != end) {
    *error = {"this is not a number", token.begin};
    return std::nullopt;
  }
  if (result.ec == std::errc::result_out_of_range) {
    *error = {"this number is out of the range of its type", token.begin};
    return std::nullopt;
  }
  return out;
}

struct TimeUnit {
  std::string_view name;
  uint64_t nanoseconds;
};
constexpr TimeUnit kTimeUnits[] = {{"ns", 1}, {"us", 1'000}, {"ms", 1'000'000}, {"s", 1'000'000'000}};

// What a decimal number is followed by; null when that is no unit of time.
const TimeUnit* UnitBehind(std::string_view text) {
  const std::string_view name = text.substr(std::min(text.find_first_not_of("0123456789."), text.size()));
  const auto* found = std::find_if(std::begin(kTimeUnits), std::end(kTimeUnits),
                                   [name](const TimeUnit& unit) { return unit.name == name; });
  return found == std::end(kTimeUnits) ? nullptr : found;
}

std::optional<NumberLiteral> EvaluateTime(std::string_view number, uint64_t unit, const Token& token,
                                          SyntaxError* error) {
  const std::string_view whole = number.substr(0, number.find('.'));
  const std::string_view part = number.substr(std::min(whole.size() + 1, number.size()));
  const auto fail = [&](const char* message) {
    *error = {message, token.begin};
    return std::nullopt;
  };
  if (part.find('.') != std::string_view::npos) return fail("this is not a number");
  uint64_t value = 0;
  bool overflow = false;
  for (const char digit : whole) {
    overflow |= __builtin_mul_overflow(value, uint64_t{10}, &value) ||
                __builtin_add_overflow(value, static_cast<uint64_t>(DigitValue(digit)), &value);
  }
  overflow |= __builtin_mul_overflow(value, unit, &value);
  for (const char digit : part) {
    const auto units = static_cast<uint64_t>(DigitValue(digit));
    if (unit % 10 != 0 && units != 0) return fail("this time is no whole number of nanoseconds");
    unit /= 10;
    overflow |= __builtin_add_overflow(value, units * unit, &value);
  }
  if (overflow || value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return fail("this time does not fit into 64 bits of nanoseconds");
  }
  NumberLiteral out{false, "long", value, 0};
  out.is_time = true;
  return out;
}

void AppendUtf8(uint32_t code, std::string* out) {
  auto tail = [&](int shift) { out->push_back(static_cast<char>(0x80 | ((code >> shift) & 0x3f))); };
  if (code < 0x80) {
    out->push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out->push_back(static_cast<char>(0xc0 | code >> 6));
    tail(0);
  } else if (code < 0x10000) {
    out->push_back(static_cast<char>(0xe0 | code >> 12));
    tail(6);
    tail(0);
  } else {
    out->push_back(static_cast<char>(0xf0 | code >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

// Up to `max_digits` digits of `base` from *i on.
struct Digits {
  uint32_t value = 0;
  int count = 0;
};
Digits TakeDigits(std::string_view text, size_t* i, int base, int max_digits) {
  Digits out;
  while (out.count < max_digits && *i < text.size() && DigitValue(text[*i]) < base) {
    out.value = out.value * static_cast<uint32_t>(base) + static_cast<uint32_t>(DigitValue(text[(*i)++]));
    ++out.count;
  }
  return out;
}

// Decodes the escape sequence whose backslash is at text[*i - 1]; *i stands on the character behind it.
bool AppendEscape(std::string_view text, size_t* i, std::string* out, std::string* message) {
  constexpr std::string_view kNames = "abfnrtv\\'\"?";
  constexpr std::string_view kValues = "\a\b\f\n\r\t\v\\'\"?";
  const char c = text[*i];
  if (const size_t at = kNames.find(c); at != std::string_view::npos) {
    ++*i;
    out->push_back(kValues[at]);
    return true;
  }
  if (c >= '0' && c <= '7') {
    const Digits digits = TakeDigits(text, i, 8, 3);
    if (digits.value > 0xff) *message = "this octal escape does not fit into a byte";
    out->push_back(static_cast<char>(digits.value));
    return message->empty();
  }
  if (c == 'x') {
    ++*i;
    // One digit more than fits, to notice the overflow; C++ would take all of them.
    const Digits digits = TakeDigits(text, i, 16, 3);
    if (digits.count == 0) *message = "'\\x' needs hexadecimal digits";
    if (digits.value > 0xff) *message = "this hexadecimal escape does not fit into a byte";
    out->push_back(static_cast<char>(digits.value));
    return message->empty();
  }
  if (c == 'u' || c == 'U') {
    ++*i;
    const int wanted = c == 'u' ? 4 : 8;
    const Digits digits = TakeDigits(text, i, 16, wanted);
    const bool is_surrogate = digits.value >= 0xd800 && digits.value <= 0xdfff;
    if (digits.count != wanted || digits.value > kMaxCodePoint || is_surrogate) {
      *message = "this is not a Unicode character";
      return false;
    }
    AppendUtf8(digits.value, out);
    return true;
  }
  *message = "unknown escape sequence";
  return false;
}

bool Unescape(const Token& token, std::string* out, SyntaxError* error) {
  const std::string_view body = token.text.substr(1, token.text.size() - 2);
  for (size_t i = 0; i < body.size();) {
    if (body[i] != '\\') {
      out->push_back(body[i++]);
      continue;
    }
    const size_t escape = i++;
    std::string message;
    if (i >= body.size() || !AppendEscape(body, &i, out, &message)) {
      *error = {message.empty() ? "unknown escape sequence" : message, token.begin + 1 + escape};
      return false;
    }
  }
  return true;
}

}  // namespace

std::optional<NumberLiteral> EvaluateNumber(const Token& token, SyntaxError* error) {
  const std::optional<std::string> cleaned = RemoveSeparators(token.text);
  if (!cleaned.has_value()) {
    *error = {"a digit separator must stand between two digits", token.begin};
    return std::nullopt;
  }
  const std::string_view text = *cleaned;
  const char second = text.size() > 1 ? text[1] : '\0';
  if (text[0] == '0' && (second == 'x' || second == 'X')) {
    if (text.find_first_of(".pP") == std::string_view::npos) return EvaluateInteger(text.substr(2), 16, token, error);
    if (text.find_first_of("pP") == std::string_view::npos) {
      *error = {"a hexadecimal floating-point number needs an exponent, as in 0x1.8p3", token.begin};
      return std::nullopt;
    }
    return EvaluateFloat(text, true, token, error);
  }
  if (const TimeUnit* unit = UnitBehind(text)) {
    return EvaluateTime(text.substr(0, text.size() - unit->name.size()), unit->nanoseconds, token, error);
  }
  if (text[0] == '0' && (second == 'b' || second == 'B')) return EvaluateInteger(text.substr(2), 2, token, error);
  if (text.find_first_of(".eE") != std::string_view::npos) return EvaluateFloat(text, false, token, error);
  if (text[0] == '0') return EvaluateInteger(text.substr(1), 8, token, error);
  return EvaluateInteger(text, 10, token, error);
}

std::optional<uint64_t> EvaluateChar(const Token& token, SyntaxError* error) {
  std::string value;
  if (!Unescape(token, &value, error)) return std::nullopt;
  if (value.size() != 1) {
    *error = {value.empty() ? "this character literal is empty" : "a character literal must be one byte", token.begin};
    return std::nullopt;
  }
  return static_cast<uint64_t>(static_cast<int64_t>(static_cast<signed char>(value[0])));
}

bool AppendString(const Token& token, std::string* out, SyntaxError* error) { return Unescape(token, out, error); }

}  // namespace dlog::expr
