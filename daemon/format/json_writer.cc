// SPDX-License-Identifier: Apache-2.0
#include "daemon/format/json_writer.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstring>

#include "daemon/format/text_escape.h"

namespace dlog::format {
namespace {

constexpr int64_t kMaxExactInteger = int64_t{1} << 53;
constexpr char kHex[] = "0123456789abcdef";

void AppendEscape(uint8_t byte, std::string* out) {
  switch (byte) {
    case '"':
      out->append("\\\"");
      return;
    case '\\':
      out->append("\\\\");
      return;
    case '\n':
      out->append("\\n");
      return;
    case '\r':
      out->append("\\r");
      return;
    case '\t':
      out->append("\\t");
      return;
    default:
      out->append("\\u00");
      out->push_back(kHex[byte >> 4]);
      out->push_back(kHex[byte & 15]);
  }
}

// Bytes that stand for themselves in a JSON string; the rest is escaped or the start of a longer sequence.
constexpr std::array<bool, 256> PlainBytes() {
  std::array<bool, 256> plain = {};
  for (size_t byte = 0x20; byte < 0x7f; ++byte) plain[byte] = byte != '"' && byte != '\\';
  return plain;
}
constexpr std::array<bool, 256> kPlain = PlainBytes();

// Length of the prefix that stands for itself.
size_t PlainPrefix(std::string_view bytes) {
  size_t position = 0;
  while (position < bytes.size() && kPlain[static_cast<uint8_t>(bytes[position])]) ++position;
  return position;
}

void AppendString(std::string_view bytes, std::string* out) {
  size_t position = PlainPrefix(bytes);
  if (position == bytes.size()) {  // as nearly all are
    const size_t start = out->size();
    out->resize(start + bytes.size() + 2);
    char* to = out->data() + start;
    *to = '"';
    std::memcpy(to + 1, bytes.data(), bytes.size());
    to[bytes.size() + 1] = '"';
    return;
  }
  out->push_back('"');
  size_t run = 0;
  for (;;) {
    while (position < bytes.size() && kPlain[static_cast<uint8_t>(bytes[position])]) ++position;
    if (position == bytes.size()) break;
    const auto byte = static_cast<uint8_t>(bytes[position]);
    const size_t length = byte < 0x80 ? 0 : Utf8Length(bytes.substr(position));
    if (length != 0) {
      position += length;
      continue;
    }
    out->append(bytes.substr(run, position - run));
    if (byte < 0x80) {
      AppendEscape(byte, out);
    } else {
      out->append("\\\\x");
      out->push_back(kHex[byte >> 4]);
      out->push_back(kHex[byte & 15]);
    }
    run = ++position;
  }
  out->append(bytes.substr(run));
  out->push_back('"');
}

}  // namespace

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
  BeforeValue();
  AppendString(name, out_);
  out_->push_back(':');
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::String(std::string_view bytes) {
  BeforeValue();
  AppendString(bytes, out_);
  return *this;
}

JsonWriter& JsonWriter::Int(int64_t value) {
  const fmt::format_int text(value);
  const std::string_view digits(text.data(), text.size());
  if (value >= -kMaxExactInteger && value <= kMaxExactInteger) return Raw(digits);
  return String(digits);
}

JsonWriter& JsonWriter::Uint(uint64_t value) {
  const fmt::format_int text(value);
  const std::string_view digits(text.data(), text.size());
  if (value <= static_cast<uint64_t>(kMaxExactInteger)) return Raw(digits);
  return String(digits);
}

JsonWriter& JsonWriter::Double(double value) {
  if (std::isnan(value)) return String("nan");
  if (std::isinf(value)) return String(value < 0 ? "-inf" : "inf");
  char text[64];
  const auto end = fmt::format_to_n(text, sizeof(text), "{}", value).out;
  return Raw({text, static_cast<size_t>(end - text)});
}

JsonWriter& JsonWriter::Bool(bool value) { return Raw(value ? "true" : "false"); }

JsonWriter& JsonWriter::Null() { return Raw("null"); }

}  // namespace dlog::format
