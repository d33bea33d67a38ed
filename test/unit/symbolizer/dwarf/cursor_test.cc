// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/cursor.h"

#include <vector>

#include "test/catch.h"

namespace dlog::dwarf {
namespace {

Cursor Over(const std::vector<uint8_t>& bytes) { return Cursor(bytes); }

TEST_CASE("Fixed-size reads are little-endian and move on") {
  const std::vector<uint8_t> bytes = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  Cursor cursor = Over(bytes);
  CHECK(cursor.U8() == 1);
  CHECK(cursor.U16() == 0x0302);
  CHECK(cursor.U32() == 0x07060504);
  CHECK(cursor.U64() == 0x0f0e0d0c0b0a0908);
  CHECK(cursor.ok());
  CHECK(cursor.at_end());
}

TEST_CASE("A read beyond the end fails for good and reads nothing") {
  const std::vector<uint8_t> bytes = {1, 2, 3};
  Cursor cursor = Over(bytes);
  CHECK(cursor.U32() == 0);
  CHECK_FALSE(cursor.ok());
  CHECK(cursor.U8() == 0);
  CHECK(cursor.at_end());
  CHECK(cursor.remaining() == 0);
  Cursor empty;
  CHECK(empty.CString().empty());
  CHECK_FALSE(empty.ok());
}

TEST_CASE("LEB128 reads what the standard gives as examples") {
  // DWARF 5, tables 7.7 and 7.8.
  const std::vector<uint8_t> bytes = {0x02, 0x7f, 0x80, 0x01, 0xb9, 0x64, 0x7e, 0xff, 0x00, 0x81, 0x7f, 0xff, 0x7e};
  Cursor cursor = Over(bytes);
  CHECK(cursor.Uleb() == 2);
  CHECK(cursor.Uleb() == 127);
  CHECK(cursor.Uleb() == 128);
  CHECK(cursor.Uleb() == 12857);
  CHECK(cursor.Sleb() == -2);
  CHECK(cursor.Sleb() == 127);
  CHECK(cursor.Sleb() == -127);
  CHECK(cursor.Sleb() == -129);
  CHECK(cursor.ok());
}

TEST_CASE("LEB128 covers 64 bits and refuses more") {
  std::vector<uint8_t> all(9, 0xff);
  all.push_back(0x01);
  CHECK(Over(all).Uleb() == ~uint64_t{0});
  all.back() = 0x02;
  Cursor too_big = Over(all);
  too_big.Uleb();
  CHECK_FALSE(too_big.ok());
  std::vector<uint8_t> minimum(9, 0x80);
  minimum.push_back(0x7f);
  CHECK(Over(minimum).Sleb() == INT64_MIN);
  const std::vector<uint8_t> endless(1000, 0x80);
  Cursor unsigned_endless = Over(endless);
  unsigned_endless.Uleb();
  CHECK_FALSE(unsigned_endless.ok());
  Cursor signed_endless = Over(endless);
  signed_endless.Sleb();
  CHECK_FALSE(signed_endless.ok());
}

TEST_CASE("Strings end at their NUL or fail") {
  const std::vector<uint8_t> bytes = {'a', 'b', 0, 'c'};
  Cursor cursor = Over(bytes);
  CHECK(cursor.CString() == "ab");
  CHECK(cursor.CString().empty());
  CHECK_FALSE(cursor.ok());
}

TEST_CASE("A block longer than the rest fails") {
  const std::vector<uint8_t> bytes = {1, 2, 3};
  Cursor cursor = Over(bytes);
  CHECK(cursor.Bytes(2).size() == 2);
  CHECK(cursor.Bytes(~uint64_t{0}).empty());
  CHECK_FALSE(cursor.ok());
}

}  // namespace
}  // namespace dlog::dwarf
