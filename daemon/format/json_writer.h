// SPDX-License-Identifier: Apache-2.0
//
// Writes JSON (RFC 8259) to the end of a string, compact, as it is told: commas and escapes are its business, matching
// Begin and End the caller's. What it writes is always valid UTF-8: other bytes of a string appear as the characters
// \xNN.
//
//   JsonWriter json(&line);
//   json.BeginObject().Key("line").Int(42).EndObject();
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dlog::format {

// The pieces, for whoever has the room: each writes at `to` and returns the end of what it wrote.
inline constexpr size_t kMaxJsonNumberBytes = 32;
constexpr size_t MaxJsonStringBytes(size_t bytes) { return 6 * bytes + 2; }
char* WriteJsonString(std::string_view bytes, char* to);
char* WriteJsonInt(int64_t value, char* to);
char* WriteJsonUint(uint64_t value, char* to);
char* WriteJsonDouble(double value, char* to);
// Whether numbers of this size are written as numbers; larger ones are written as strings.
constexpr bool IsExactInJson(int64_t value) { return value >= -(int64_t{1} << 53) && value <= int64_t{1} << 53; }
constexpr bool IsExactInJson(uint64_t value) { return value <= uint64_t{1} << 53; }

class JsonWriter {
 public:
  // `out` outlives the writer.
  explicit JsonWriter(std::string* out) : out_(out) {}

  JsonWriter& BeginObject();
  JsonWriter& EndObject();
  JsonWriter& BeginArray();
  JsonWriter& EndArray();
  JsonWriter& Key(std::string_view name);

  JsonWriter& String(std::string_view bytes);
  // Integers that a JavaScript number cannot hold (outside +-2^53) are written as strings.
  JsonWriter& Int(int64_t value);
  JsonWriter& Uint(uint64_t value);
  // Shortest text that reads back the same; infinities and NaN, which JSON lacks, as the strings "inf", "-inf", "nan".
  JsonWriter& Double(double value);
  JsonWriter& Bool(bool value);
  JsonWriter& Null();

 private:
  void BeforeValue();
  JsonWriter& Raw(std::string_view text);
  template <typename Write>
  JsonWriter& Written(size_t room, Write write);

  std::string* out_;
  bool comma_ = false;  // a value stands before the place where the next one goes
};

}  // namespace dlog::format
