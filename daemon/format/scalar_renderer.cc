// SPDX-License-Identifier: Apache-2.0
//
// Numbers, characters, enums and pointers.
#include <fmt/chrono.h>
#include <fmt/compile.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <ctime>
#include <iterator>
#include <type_traits>

#include "daemon/format/leaf.h"
#include "daemon/format/number_text.h"
#include "daemon/format/renderer.h"
#include "daemon/format/text_escape.h"
#include "daemon/format/time_text.h"

namespace dlog::format {

using pipeline::Int128;
using pipeline::Object;
using pipeline::Scalar;
using pipeline::ScalarKind;
using pipeline::Uint128;

namespace {

constexpr int64_t kMaxErrno = 4095;

// Room for any number in decimal: a shortest binary64, or 128 bits with sign.
struct NumberText {
  std::array<char, 64> data;
  size_t size = 0;
  template <typename T>
  explicit NumberText(T value) {
    if constexpr (sizeof(T) <= sizeof(uint64_t)) {
      size = static_cast<size_t>(WriteNumber(value, data.data()) - data.data());
    } else {
      size =
          static_cast<size_t>(fmt::format_to_n(data.data(), data.size(), FMT_COMPILE("{}"), value).out - data.data());
    }
  }
  std::string_view view() const { return {data.data(), size}; }
};

void SetInteger(const Scalar& value, Value* out) {
  if (value.type.kind == ScalarKind::kSigned) {
    const Int128 number = value.as_signed();
    if (number >= INT64_MIN && number <= INT64_MAX) return out->set_int_value(static_cast<int64_t>(number));
    out->set_string_value(fmt::format("{}", number));
    return;
  }
  if (value.bits <= UINT64_MAX) return out->set_uint_value(static_cast<uint64_t>(value.bits));
  out->set_string_value(fmt::format("{}", value.bits));
}

// "(A | B)" when the enumerators explain every bit, else empty.
std::string FlagNames(const v1::Type& type, uint64_t bits) {
  std::string names;
  const auto count = static_cast<int>(std::min<size_t>(kMaxEnumerators, type.enumerators_size()));
  for (int i = 0; i < count && bits != 0; ++i) {
    const auto flag = static_cast<uint64_t>(type.enumerators(i).value());
    if (flag == 0 || (bits & flag) != flag) continue;
    bits &= ~flag;
    names.append(names.empty() ? "(" : " | ").append(type.enumerators(i).name());
  }
  return bits == 0 && !names.empty() ? names + ")" : std::string();
}

const std::string* EnumeratorName(const v1::Type& type, int64_t value) {
  const auto count = static_cast<int>(std::min<size_t>(kMaxEnumerators, type.enumerators_size()));
  for (int i = 0; i < count; ++i) {
    if (type.enumerators(i).value() == value) return &type.enumerators(i).name();
  }
  return nullptr;
}

}  // namespace

std::string_view WithoutQualifiers(std::string_view name) {
  for (;;) {
    if (name.starts_with("const ")) {
      name.remove_prefix(6);
    } else if (name.starts_with("volatile ")) {
      name.remove_prefix(9);
    } else {
      return name;
    }
  }
}

uint64_t CharacterSize(const v1::Type* type) {
  if (type == nullptr) return 0;
  const uint64_t size = type->size();
  if (type->kind() == v1::TYPE_UTF_CHAR) return size == 1 || size == 2 || size == 4 ? size : 0;
  if (size != 1) return 0;
  const std::string_view name = WithoutQualifiers(type->name());
  if (type->kind() == v1::TYPE_CHAR) {
    return name.find("signed char") == std::string_view::npos && name.find("int8") == std::string_view::npos ? 1 : 0;
  }
  // Plain char is unsigned with -funsigned-char. Other names (`unsigned char`, `u_char`) are bytes, not text.
  return type->kind() == v1::TYPE_UCHAR && name == "char" ? 1 : 0;
}

void Renderer::RenderScalar(const Object& object, const v1::Type* type, Position at, Value* out, Text* text) {
  Scalar value;
  v1::ValueStatus status = v1::STATUS_OK;
  std::string reason;
  if (!pipeline::LoadScalar(object, types_, image_, &value, &status, &reason)) {
    if (type != nullptr && pipeline::ScalarTypeOf(object.type, types_).kind == ScalarKind::kNone) {
      status = v1::STATUS_ERROR;
      reason = fmt::format("{} of {} bytes is not supported", type->name(), type->size());
    }
    return Fail(status, reason, out, text);
  }
  if (type != nullptr) {
    if (type->kind() == v1::TYPE_ENUM) return RenderEnum(value, *type, at, out, text);
    if (CharacterSize(type) != 0) return RenderCharacter(value, *type, at, out, text);
  }
  if (value.type.is_bool()) return RenderBool(value, at, out, text);
  if (value.type.is_float()) return RenderFloat(value, at, out, text);
  if (type != nullptr && type->is_duration() && (!at.root || format_.empty())) {
    const auto nanoseconds = static_cast<int64_t>(value.as_signed());
    out->set_int_value(nanoseconds);
    const std::string plain = DurationText(nanoseconds);
    return Leaf(std::string_view(plain), plain, at, out, text);
  }
  RenderInteger(value, at, out, text);
}

void Renderer::RenderInteger(const Scalar& value, Position at, Value* out, Text* text) {
  SetInteger(value, out);
  if (at.root && format_ == "errno") return RenderErrno(static_cast<int64_t>(value.bits), out, text);
  if (at.root && format_.starts_with('%')) return RenderDate(static_cast<int64_t>(value.bits), at, out, text);
  if (value.type.size > 8) {
    if (value.type.kind == ScalarKind::kSigned) {
      return Leaf(value.as_signed(), NumberText(value.as_signed()).view(), at, out, text);
    }
    return Leaf(value.bits, NumberText(value.bits).view(), at, out, text);
  }
  if (value.type.kind == ScalarKind::kSigned) {
    const auto number = static_cast<int64_t>(value.as_signed());
    return Leaf(number, NumberText(number).view(), at, out, text);
  }
  const auto number = static_cast<uint64_t>(value.bits);
  Leaf(number, NumberText(number).view(), at, out, text);
}

// "ENOENT"; "-ENOENT" as kernel functions return it; numbers that are no errors stay numbers.
void Renderer::RenderErrno(int64_t number, Value* out, Text* text) {
  const bool negative = number < 0 && number > -kMaxErrno;
  const char* name = number > kMaxErrno || number < -kMaxErrno || number == 0
                         ? nullptr
                         : strerrorname_np(static_cast<int>(negative ? -number : number));
  const std::string plain =
      name == nullptr ? fmt::format("{}", number) : fmt::format("{}{}", negative ? "-" : "", name);
  const size_t start = text->size();
  text->append(plain);
  out->refer_text(text->view(start));
}

void Renderer::RenderDate(int64_t seconds, Position at, Value* out, Text* text) {
  const time_t time = seconds;
  std::tm parts = {};
  if (gmtime_r(&time, &parts) == nullptr) return Fail(v1::STATUS_ERROR, "time out of range", out, text);
  Leaf(parts, {}, at, out, text);
}

void Renderer::RenderBool(const Scalar& value, Position at, Value* out, Text* text) {
  if (value.bits > 1) {  // no bool holds this: show what is there
    out->set_uint_value(static_cast<uint64_t>(value.bits));
    const std::string plain = fmt::format("(bool){}", static_cast<uint64_t>(value.bits));
    return Leaf(std::string_view(plain), plain, at, out, text);
  }
  const bool truth = value.truth();
  out->set_bool_value(truth);
  Leaf(truth, truth ? "true" : "false", at, out, text);
}

void Renderer::RenderFloat(const Scalar& value, Position at, Value* out, Text* text) {
  out->set_double_value(static_cast<double>(value.real));
  if (value.type.size <= 4) {
    const auto number = static_cast<float>(value.real);
    return Leaf(number, NumberText(number).view(), at, out, text);
  }
  if (value.type.size == 8) {
    const auto number = static_cast<double>(value.real);
    Leaf(number, NumberText(number).view(), at, out, text);
    if (std::isfinite(number) && (!at.root || format_.empty())) out->set_text_is_scalar();
    return;
  }
  Leaf(value.real, NumberText(value.real).view(), at, out, text);
}

void Renderer::RenderCharacter(const Scalar& value, const v1::Type& type, Position at, Value* out, Text* text) {
  SetInteger(value, out);
  std::string character;
  if (value.type.size == 1) {
    const auto byte = static_cast<char>(value.bits);
    AppendBare({&byte, 1}, &character);
    // As a char argument the integer presentations of the format work too.
    if (at.root && !format_.empty() && type.kind() != v1::TYPE_UTF_CHAR) return Leaf(byte, {}, at, out, text);
  } else {
    const auto unit = static_cast<uint32_t>(value.bits);
    AppendWide({reinterpret_cast<const char*>(&unit), value.type.size}, value.type.size, &character);
  }
  if (at.root && !format_.empty()) {
    if (WantsInteger(format_) && value.type.kind == ScalarKind::kSigned) {
      return Leaf(static_cast<int64_t>(value.bits), {}, at, out, text);
    }
    if (WantsInteger(format_)) return Leaf(static_cast<uint32_t>(value.bits), {}, at, out, text);
    return Leaf(std::string_view(character), {}, at, out, text);
  }
  const size_t start = text->size();
  if (value.type.size == 1) {
    const auto byte = static_cast<char>(value.bits);
    AppendQuoted({&byte, 1}, '\'', text);
  } else {
    AppendQuoted(character, '\'', text);
  }
  out->refer_text(text->view(start));
}

void Renderer::RenderEnum(const Scalar& value, const v1::Type& type, Position at, Value* out, Text* text) {
  SetInteger(value, out);
  const bool is_signed = value.type.kind == ScalarKind::kSigned;
  const auto number = static_cast<int64_t>(value.bits);
  if (at.root && WantsInteger(format_)) {
    if (is_signed) return Leaf(number, {}, at, out, text);
    return Leaf(static_cast<uint64_t>(number), {}, at, out, text);
  }
  std::string flags;
  std::string_view plain;
  if (const std::string* name = EnumeratorName(type, number)) {
    plain = *name;
  } else {
    // Negative values are no sets of flags: their high bits are sign extension.
    if (type.is_flag_enum() && !(is_signed && number < 0)) flags = FlagNames(type, static_cast<uint64_t>(number));
    if (flags.empty()) {
      const std::string_view enum_name = WithoutQualifiers(type.name());
      if (!enum_name.empty()) flags = fmt::format("({})", enum_name);
      is_signed ? fmt::format_to(std::back_inserter(flags), "{}", number)
                : fmt::format_to(std::back_inserter(flags), "{}", static_cast<uint64_t>(number));
    }
    plain = flags;
  }
  Leaf(plain, plain, at, out, text);
}

void Renderer::RenderPointer(const Object& object, const v1::Type& type, Position at, Value* out, Text* text) {
  uint64_t address = 0;
  v1::ValueStatus status = v1::STATUS_OK;
  std::string reason;
  if (!pipeline::ReadScalar(object, types_, image_, &address, &status, &reason)) {
    return Fail(status, reason, out, text);
  }
  const v1::Type* target = type.target() == 0 ? nullptr : TypeAt(type.target());
  const uint64_t unit = CharacterSize(target);
  const bool as_number = at.root && !format_.empty() && format_.back() == 'p';
  if (unit != 0 && address != 0 && !as_number) return RenderCString(address, unit, at, out, text);
  RenderAddress(address, target != nullptr && target->kind() == v1::TYPE_FUNCTION, at, out, text);
}

void Renderer::RenderAddress(uint64_t address, bool is_function, Position at, Value* out, Text* text) {
  out->set_uint_value(address);
  std::string plain = address == 0 ? "nullptr" : fmt::format("{:#x}", address);
  if (is_function && address != 0 && symbols_) {
    const std::string symbol = symbols_(address);
    if (!symbol.empty()) {
      plain.append(" <");
      AppendOneLine(symbol, &plain);
      plain.push_back('>');
    }
  }
  if (at.root && !format_.empty() && format_.back() != 'p') return Leaf(std::string_view(plain), plain, at, out, text);
  Leaf(reinterpret_cast<const void*>(address), plain, at, out, text);
}

}  // namespace dlog::format
