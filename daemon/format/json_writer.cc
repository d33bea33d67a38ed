// SPDX-License-Identifier: Apache-2.0
#include "daemon/format/json_writer.h"

#include <algorithm>
#include <cmath>

#include "daemon/format/number_text.h"
#include "daemon/format/text_escape.h"

namespace dlog::format {
namespace {

constexpr char kHex[] = "0123456789abcdef";

char* WriteRaw(std::string_view text, char* to) {
  return std::copy(text.begin(), text.end(), to);  // memcpy() takes no null pointer, which an empty text may have
}

char* WriteEscape(uint8_t byte, char* to) {
  switch (byte) {
    case '"':
      return WriteRaw("\\\"", to);
    case '\\':
      return WriteRaw("\\\\", to);
    case '\n':
      return WriteRaw("\\n", to);
    case '\r':
      return WriteRaw("\\r", to);
    case '\t':
      return WriteRaw("\\t", to);
    default:
      to = WriteRaw(byte < 0x80 ? "\\u00" : "\\\\x", to);
      *to++ = kHex[byte >> 4];
      *to++ = kHex[byte & 15];
      return to;
  }
}

char* WriteEscaped(std::string_view bytes, char* to) {
  for (size_t position = 0; position < bytes.size();) {
    const auto byte = static_cast<uint8_t>(bytes[position]);
    const bool plain = byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
    const size_t length = plain ? 1 : byte < 0x80 ? 0 : Utf8Length(bytes.substr(position));
    to = length != 0 ? WriteRaw(bytes.substr(position, length), to) : WriteEscape(byte, to);
    position += length != 0 ? length : 1;
  }
  return to;
}

template <typename Integer>
char* WriteInteger(Integer value, char* to) {
  if (IsExactInJson(value)) return WriteNumber(value, to);
  *to++ = '"';
  to = WriteNumber(value, to);
  *to++ = '"';
  return to;
}

}  // namespace

char* WriteJsonString(std::string_view bytes, char* to) {
  *to++ = '"';
  char* const end = CopyIfPlain(bytes, to);
  to = end != nullptr ? end : WriteEscaped(bytes, to);
  *to++ = '"';
  return to;
}

char* WriteJsonInt(int64_t value, char* to) { return WriteInteger(value, to); }

char* WriteJsonUint(uint64_t value, char* to) { return WriteInteger(value, to); }

char* WriteJsonDouble(double value, char* to) {
  if (std::isnan(value)) return WriteRaw("\"nan\"", to);
  if (std::isinf(value)) return WriteRaw(value < 0 ? "\"-inf\"" : "\"inf\"", to);
  return WriteNumber(value, to);
}

void JsonWriter::BeforeValue() {
  if (comma_) out_->push_back(',');
  comma_ = true;
}

JsonWriter& JsonWriter::Raw(std::string_view text) {
  BeforeValue();
  out_->append(text);
  return *this;
}

JsonWriter& JsonWriter::BeginObject() {
  Raw("{");
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::EndObject() {
  out_->push_back('}');
  comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::BeginArray() {
  Raw("[");
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::EndArray() {
  out_->push_back(']');
  comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::Key(std::string_view name) {
  String(name);
  out_->push_back(':');
  comma_ = false;
  return *this;
}

template <typename Write>
JsonWriter& JsonWriter::Written(size_t room, Write write) {
  BeforeValue();
  const size_t start = out_->size();
  out_->resize(start + room);
  out_->resize(static_cast<size_t>(write(out_->data() + start) - out_->data()));
  return *this;
}

JsonWriter& JsonWriter::String(std::string_view bytes) {
  const size_t room = IsPlain(bytes) ? bytes.size() + 2 : MaxJsonStringBytes(bytes.size());
  return Written(room, [bytes](char* to) { return WriteJsonString(bytes, to); });
}

JsonWriter& JsonWriter::Int(int64_t value) {
  return Written(kMaxJsonNumberBytes, [value](char* to) { return WriteJsonInt(value, to); });
}

JsonWriter& JsonWriter::Uint(uint64_t value) {
  return Written(kMaxJsonNumberBytes, [value](char* to) { return WriteJsonUint(value, to); });
}

JsonWriter& JsonWriter::Double(double value) {
  return Written(kMaxJsonNumberBytes, [value](char* to) { return WriteJsonDouble(value, to); });
}

JsonWriter& JsonWriter::Bool(bool value) { return Raw(value ? "true" : "false"); }

JsonWriter& JsonWriter::Null() { return Raw("null"); }

}  // namespace dlog::format
