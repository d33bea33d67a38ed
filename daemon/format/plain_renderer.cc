// SPDX-License-Identifier: Apache-2.0
//
// Numbers and bools that were captured whole and in one piece: most of what is shown, so they take the short way, from
// the captured bytes to the text, without an Object in between. Whatever is not so simple takes the other one, and both
// show the same.
#include <cmath>
#include <cstring>

#include "daemon/format/json_writer.h"
#include "daemon/format/number_text.h"
#include "daemon/format/renderer.h"

namespace dlog::format {
namespace {

template <typename T>
T Load(const uint8_t* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

template <typename Narrow, typename Wide>
Wide LoadAs(const uint8_t* bytes) {
  return static_cast<Wide>(Load<Narrow>(bytes));
}

int64_t LoadSigned(const uint8_t* bytes, uint64_t size) {
  switch (size) {
    case 1:
      return LoadAs<int8_t, int64_t>(bytes);
    case 2:
      return LoadAs<int16_t, int64_t>(bytes);
    case 4:
      return LoadAs<int32_t, int64_t>(bytes);
    default:
      return Load<int64_t>(bytes);
  }
}

uint64_t LoadUnsigned(const uint8_t* bytes, uint64_t size) {
  switch (size) {
    case 1:
      return *bytes;
    case 2:
      return LoadAs<uint16_t, uint64_t>(bytes);
    case 4:
      return LoadAs<uint32_t, uint64_t>(bytes);
    default:
      return Load<uint64_t>(bytes);
  }
}

bool IsPlainType(const v1::Type& type) {
  const uint64_t size = type.size();
  switch (type.kind()) {
    case v1::TYPE_SIGNED:
    case v1::TYPE_UNSIGNED:
      if (size != 1 && size != 2 && size != 4 && size != 8) return false;
      break;
    case v1::TYPE_FLOAT:
      if (size != 4 && size != 8) return false;
      break;
    case v1::TYPE_BOOL:
      if (size != 1) return false;
      break;
    default:
      return false;
  }
  return !type.has_shape() && !type.is_duration() && type.redacted().empty();
}

template <typename Number>
void Show(Number number, Value* out, Text* text) {
  const size_t start = text->size();
  char* const to = text->Room(kMaxNumberBytes);
  text->Advance(static_cast<size_t>(WriteNumber(number, to) - to));
  out->refer_text(text->view(start));
}

}  // namespace

const uint8_t* Renderer::BytesAt(uint64_t address, uint64_t size) {
  uint64_t skip = address - run_address_;
  if (skip >= run_.size()) {
    run_ = image_.RunAt(address, SIZE_MAX);
    run_address_ = address;
    skip = 0;
  }
  return run_.size() - skip < size || run_.empty() ? nullptr : run_.data() + skip;
}

bool Renderer::RenderPlain(uint32_t index, uint64_t address, Value* out, Text* text) {
  const v1::Type* type = index == 0 ? nullptr : TypeAt(index);
  if (type == nullptr || !IsPlainType(*type)) return false;
  const uint8_t* bytes = BytesAt(address, type->size());
  return bytes != nullptr && RenderPlainBytes(*type, bytes, out, text);
}

// A register holds the bytes of any type, a result has the bits of an integer.
bool Renderer::RenderPlainWord(uint32_t index, uint64_t word, bool computed, Value* out, Text* text) {
  const v1::Type* type = index == 0 ? nullptr : TypeAt(index);
  if (type == nullptr || !IsPlainType(*type)) return false;
  if (computed && type->kind() != v1::TYPE_SIGNED && type->kind() != v1::TYPE_UNSIGNED) return false;
  return RenderPlainBytes(*type, reinterpret_cast<const uint8_t*>(&word), out, text);
}

bool Renderer::RenderPlainBytes(const v1::Type& type, const uint8_t* bytes, Value* out, Text* text) {
  const bool is_bool = type.kind() == v1::TYPE_BOOL;
  if (is_bool && *bytes > 1) return false;
  out->refer_type(type.name());
  ++values_;
  names_ += out->type().size() + out->name().size();
  if (is_bool) {
    const std::string_view plain = *bytes != 0 ? "true" : "false";
    out->set_bool_value(*bytes != 0);
    out->refer_text(plain);
    text->append(plain);
  } else if (type.kind() == v1::TYPE_SIGNED) {
    const int64_t number = LoadSigned(bytes, type.size());
    out->set_int_value(number);
    Show(number, out, text);
    if (IsExactInJson(number)) out->set_text_is_scalar();
  } else if (type.kind() == v1::TYPE_UNSIGNED) {
    const uint64_t number = LoadUnsigned(bytes, type.size());
    out->set_uint_value(number);
    Show(number, out, text);
    if (IsExactInJson(number)) out->set_text_is_scalar();
  } else if (type.size() == 4) {
    const auto number = Load<float>(bytes);
    out->set_double_value(static_cast<double>(number));
    Show(number, out, text);
  } else {
    const auto number = Load<double>(bytes);
    out->set_double_value(number);
    Show(number, out, text);
    if (std::isfinite(number)) out->set_text_is_scalar();
  }
  return true;
}

}  // namespace dlog::format
