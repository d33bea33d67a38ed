// SPDX-License-Identifier: Apache-2.0
#include "daemon/format/text_escape.h"
#include "test/catch.h"

namespace dlog::format {
namespace {

std::string Bare(std::string_view bytes) {
  std::string out;
  AppendBare(bytes, &out);
  return out;
}

TEST_CASE("well-formed sequences are told from all others") {
  CHECK(Utf8Length("a") == 1);
  CHECK(Utf8Length("\xc3\xa4") == 2);
  CHECK(Utf8Length("\xe2\x82\xac") == 3);
  CHECK(Utf8Length("\xf0\x9f\x98\x80") == 4);
  CHECK(Utf8Length("") == 0);
  CHECK(Utf8Length("\x80") == 0);
  CHECK(Utf8Length("\xc0\xaf") == 0);          // overlong
  CHECK(Utf8Length("\xe0\x9f\xbf") == 0);      // overlong
  CHECK(Utf8Length("\xed\xa0\x80") == 0);      // surrogate
  CHECK(Utf8Length("\xf4\x90\x80\x80") == 0);  // beyond U+10FFFF
  CHECK(Utf8Length("\xe2\x82") == 0);
  CHECK(Utf8Length("\xf5\x80\x80\x80") == 0);
}

TEST_CASE("plain texts are told from all others wherever the odd byte stands, and copied") {
  for (size_t size = 0; size <= 70; ++size) {
    const std::string text(size, 'x');
    std::string copy(size + 1, '#');
    CHECK(IsPlain(text));
    REQUIRE(CopyIfPlain(text, copy.data()) == copy.data() + size);
    CHECK(copy == text + '#');
  }
  for (int byte = 0; byte < 256; ++byte) {
    const bool plain = byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\'' && byte != '\\';
    for (const size_t size : {1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 33, 64}) {
      for (size_t at = 0; at < size; ++at) {
        std::string text(size, 'x');
        text[at] = static_cast<char>(byte);
        std::string copy(size + 1, '#');
        char* const end = CopyIfPlain(text, copy.data());
        if (IsPlain(text) != plain || (end != nullptr) != plain || copy.back() != '#' ||
            (plain && copy != text + '#')) {
          FAIL("byte " << byte << " at " << at << " of " << size);
        }
      }
    }
  }
}

TEST_CASE("bytes that are no text are shown as hex") {
  CHECK(Bare("a\xffz\xe2\x82") == "a\\xffz\\xe2\\x82");
  CHECK(Bare("ä€😀") == "ä€😀");
  CHECK(Bare(std::string_view("a\0b\n", 4)) == std::string("a\0b\n", 4));
}

TEST_CASE("a line stays one line and drives no terminal") {
  std::string out;
  AppendOneLine(std::string_view("a\nb\r\t\x1b[31m\x7f\0\xc2\x9b"
                                 "0mä",
                                 18),
                &out);
  CHECK(out == "a\\nb\\r\\t\\x1b[31m\\x7f\\0\\xc2\\x9b0mä");
}

TEST_CASE("quotes and backslashes are escaped for the quote in use") {
  std::string out;
  AppendQuoted("\"'\\", '"', &out);
  CHECK(out == "\"\\\"'\\\\\"");
  out.clear();
  AppendQuoted("\"'", '\'', &out);
  CHECK(out == "'\"\\''");
}

TEST_CASE("only an incomplete last character is cut off") {
  CHECK(WithoutCutCharacter("aä") == 3);
  CHECK(WithoutCutCharacter("a\xc3") == 1);
  CHECK(WithoutCutCharacter("a\xe2\x82") == 1);
  CHECK(WithoutCutCharacter("a\xf0\x9f\x98") == 1);
  CHECK(WithoutCutCharacter("\x80\x80\x80\x80") == 4);
  CHECK(WithoutCutCharacter("a\xff") == 2);
  CHECK(WithoutCutCharacter("") == 0);
}

}  // namespace
}  // namespace dlog::format
