// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <limits>

#include "daemon/format/template_renderer.h"
#include "test/catch.h"
#include "test/unit/daemon/format/render_fixture.h"

namespace dlog::format {
namespace {

using namespace dlog::test;  // NOLINT: the vocabulary of these tests

TEST_CASE_METHOD(RenderFixture, "integers of every width are decimal") {
  CHECK(Show(Const(types.Int(), -7)) == "-7");
  CHECK(Show(Const(types.UInt(), 4000000000u)) == "4000000000");
  CHECK(Show(Const<int64_t>(types.Long(), INT64_MIN)) == "-9223372036854775808");
  CHECK(Show(Word(UINT64_MAX)) == "18446744073709551615");
  const uint32_t wide = types.Add(v1::TYPE_SIGNED, 16, "__int128");
  CHECK(Show(Const<__int128>(wide, -(static_cast<__int128>(1) << 100))) == "-1267650600228229401496703205376");
  const uint32_t byte = types.Add(v1::TYPE_UCHAR, 1, "uint8_t");
  CHECK(Show(Const<uint8_t>(byte, 200)) == "200");
  const uint32_t sbyte = types.Add(v1::TYPE_CHAR, 1, "signed char");
  CHECK(Show(Const<int8_t>(sbyte, -3)) == "-3");
  const uint32_t typedef_byte = types.Add(v1::TYPE_UCHAR, 1, "u_char");
  CHECK(Show(Const<uint8_t>(typedef_byte, 97)) == "97");
  CHECK(Show(Const<uint64_t>(types.PointerTo(typedef_byte), 0x1000)) == "0x1000");
}

TEST_CASE_METHOD(RenderFixture, "plain char is text where it is unsigned too") {
  const uint32_t plain = types.Add(v1::TYPE_UCHAR, 1, "const char");
  CHECK(Show(Const<uint8_t>(plain, 'a')) == "'a'");
}

TEST_CASE_METHOD(RenderFixture, "numbers captured in one piece, in a register and piece by piece are shown alike") {
  const std::vector<uint32_t> kinds = {types.Int(),
                                       types.UInt(),
                                       types.Long(),
                                       types.Bool(),
                                       types.Float(),
                                       types.Double(),
                                       types.Add(v1::TYPE_SIGNED, 2, "short"),
                                       types.Add(v1::TYPE_SIGNED, 1, "int8"),
                                       types.Add(v1::TYPE_UNSIGNED, 8, "size_t"),
                                       types.Add(v1::TYPE_UNSIGNED, 2, "port"),
                                       types.Add(v1::TYPE_UNSIGNED, 1, "octet")};
  const std::vector<uint64_t> words = {0,
                                       1,
                                       2,
                                       0x7f,
                                       0x80,
                                       0xff,
                                       0x8000,
                                       0x7fffffff,
                                       0x80000000,
                                       0xffffffff,
                                       uint64_t{1} << 53,
                                       (uint64_t{1} << 53) + 1,
                                       ~uint64_t{0},
                                       uint64_t{1} << 63,
                                       0x3f800000,
                                       0xbf800000,
                                       0x7f800000,
                                       0x7fc00000,
                                       0x3fb999999999999a,
                                       0x4023e66666666666,
                                       0x7ff0000000000000,
                                       0x8000000000000000,
                                       0x7ff8000000000000,
                                       0xc05ec00000000000,
                                       0x3f1a36e2eb1c432d};
  uint64_t address = 0x1000;
  for (const uint64_t word : words) {
    memory.Put(address, word);
    const std::string bytes(reinterpret_cast<const char*>(&word), sizeof(word));
    for (size_t i = 0; i < bytes.size(); ++i) memory.Bytes(address + 0x100 + i, bytes.substr(i, 1));
    memory.Reg(5, word);
    for (const uint32_t kind : kinds) {
      INFO(types.table.Get(static_cast<int>(kind)).name() << " " << word);
      const std::string whole = Json(At(kind, address));
      CHECK(whole == Json(Reg(kind, 5)));
      if (types.table.Get(static_cast<int>(kind)).size() > 1) CHECK(whole == Json(At(kind, address + 0x100)));
      CHECK(whole == Json(ConstBytes(kind, bytes)));
    }
    address += 0x1000;
  }
}

TEST_CASE_METHOD(RenderFixture, "what is computed from registers has the range and the sign of its type") {
  memory.Reg(5, 3'000'000'000);
  const auto times = [](uint32_t type, uint64_t factor) { return Binary(type, v1::OP_MUL, Reg(0, 5), Word(factor)); };
  CHECK(Show(times(types.Long(), 3)) == "9000000000");
  CHECK(Show(times(types.UInt(), 3)) == "410065408");
  CHECK(Show(times(types.Int(), 1)) == "-1294967296");
  CHECK(Show(times(types.Double(), 3)) == "9000000000");
  CHECK(Show(times(types.Bool(), 256)) == "true");
  CHECK(Show(Convert(types.Add(v1::TYPE_UNSIGNED, 1, "octet"), Reg(0, 5))) == "0");
}

TEST_CASE_METHOD(RenderFixture, "bool is true, false, or what else is stored") {
  CHECK(Show(Const<uint8_t>(types.Bool(), 1)) == "true");
  CHECK(Show(Const<uint8_t>(types.Bool(), 0)) == "false");
  CHECK(Show(Const<uint8_t>(types.Bool(), 7)) == "(bool)7");
}

TEST_CASE_METHOD(RenderFixture, "floating point is shortest round trip in its own precision") {
  CHECK(Show(Const(types.Double(), 0.1)) == "0.1");
  CHECK(Show(Const(types.Double(), 12.0)) == "12");
  CHECK(Show(Const(types.Double(), 1e300)) == "1e+300");
  CHECK(Show(Const(types.Float(), 0.1f)) == "0.1");
  CHECK(Show(Const(types.Float(), 16777216.0f)) == "16777216");
  CHECK(Show(Const(types.Double(), -0.0)) == "-0");
  CHECK(Show(Const(types.Double(), std::numeric_limits<double>::infinity())) == "inf");
  CHECK(Show(Const(types.Double(), -std::numeric_limits<double>::infinity())) == "-inf");
  CHECK(Show(Const(types.Double(), std::nan(""))) == "nan");
  CHECK(Show(Const(types.LongDouble(), 0.1L)) == "0.1");
  CHECK(Show(Const(types.LongDouble(), 1e4000L)) == "1e+4000");
  const uint32_t quad = types.Add(v1::TYPE_FLOAT, 16, "_Float128");
  memory.Bytes(0x1000, std::string(16, '\1'));
  CHECK(Show(At(quad, 0x1000)) ==
        "<error: _Float128 of 16 bytes is not supported> (error: _Float128 of 16 bytes is not supported)");
}

TEST_CASE_METHOD(RenderFixture, "characters are quoted everywhere") {
  CHECK(Show(Const(types.Char(), 'a')) == "'a'");
  CHECK(Show(Const(types.Char(), '\xff')) == R"('\xff')");
  const uint32_t chars = types.Add(v1::TYPE_STRUCT, 4, "Chars");
  types.Field(chars, "a", types.Char(), 0);
  types.Field(chars, "b", types.Char(), 1);
  types.Field(chars, "c", types.Char(), 2);
  types.Field(chars, "d", types.Char(), 3);
  memory.Bytes(0x1000, "x'\n\xff");
  CHECK(Show(At(chars, 0x1000)) == R"({a = 'x', b = '\'', c = '\n', d = '\xff'})");
  const uint32_t utf32 = types.Add(v1::TYPE_UTF_CHAR, 4, "char32_t");
  CHECK(Show(Const<uint32_t>(utf32, 0x20ac)) == "'€'");
  CHECK(Show(Const<uint32_t>(utf32, 0xd800)) == R"('\\ud800')");
  const uint32_t utf16 = types.Add(v1::TYPE_UTF_CHAR, 2, "char16_t");
  CHECK(Show(Const<uint16_t>(utf16, 0xe4)) == "'ä'");
}

TEST_CASE_METHOD(RenderFixture, "enums are shown by enumerator, by flags, or by number") {
  const uint32_t color = types.Add(v1::TYPE_ENUM, 4, "Color");
  types.at(color)->set_is_signed(true);
  types.Enumerator(color, "RED", 0);
  types.Enumerator(color, "DARK", -1);
  types.Enumerator(color, "BLUE", 5);
  CHECK(Show(Const<int32_t>(color, 0)) == "RED");
  CHECK(Show(Const<int32_t>(color, -1)) == "DARK");
  CHECK(Show(Const<int32_t>(color, 7)) == "(Color)7");
  CHECK(Show(Const<int32_t>(color, 5), ">6") == "  BLUE");
  CHECK(Show(Const<int32_t>(color, 5), "d") == "5");
  CHECK(Show(Const<int32_t>(color, 5), "#x") == "0x5");

  const uint32_t flags = types.Add(v1::TYPE_ENUM, 1, "const Flags");
  types.at(flags)->set_is_flag_enum(true);
  types.Enumerator(flags, "A", 1);
  types.Enumerator(flags, "B", 2);
  types.Enumerator(flags, "C", 128);
  CHECK(Show(Const<uint8_t>(flags, 2)) == "B");
  CHECK(Show(Const<uint8_t>(flags, 3)) == "(A | B)");
  CHECK(Show(Const<uint8_t>(flags, 129)) == "(A | C)");
  CHECK(Show(Const<uint8_t>(flags, 5)) == "(Flags)5");
  CHECK(Show(Const<uint8_t>(flags, 0)) == "(Flags)0");
}

TEST_CASE_METHOD(RenderFixture, "pointers are addresses, functions have their symbol") {
  const uint32_t pointer = types.PointerTo(types.Int());
  CHECK(Show(Const<uint64_t>(pointer, 0x7ffe1000)) == "0x7ffe1000");
  CHECK(Show(Const<uint64_t>(pointer, 0)) == "nullptr");
  CHECK(Show(Const<uint64_t>(pointer, 0x10), "p") == "0x10");
  const uint32_t function = types.Add(v1::TYPE_FUNCTION, 0, "int (int)");
  const uint32_t function_pointer = types.PointerTo(function);
  CHECK(Show(Const<uint64_t>(function_pointer, 0x401136)) == "0x401136");
  symbols = [](uint64_t address) { return address == 0x401136 ? std::string("shop::Handle(int)") : std::string(); };
  CHECK(Show(Const<uint64_t>(function_pointer, 0x401136)) == "0x401136 <shop::Handle(int)>");
  CHECK(Show(Const<uint64_t>(function_pointer, 0x500000)) == "0x500000");
  CHECK(Show(Const<uint64_t>(pointer, 0x401136)) == "0x401136");
  CHECK(Show(At(function, 0x401136)) == "0x401136 <shop::Handle(int)>");
}

TEST_CASE_METHOD(RenderFixture, "formats are those of std::format") {
  CHECK(Show(Const(types.Int(), 255), "#x") == "0xff");
  CHECK(Show(Const(types.Int(), -5), "+08d") == "-0000005");
  CHECK(Show(Const(types.UInt(), 5u), "#b") == "0b101");
  CHECK(Show(Const(types.Double(), 12.5), ".2f") == "12.50");
  CHECK(Show(Const(types.Float(), 0.1f), ">6") == "   0.1");
  CHECK(Show(Const(types.LongDouble(), 1.0L / 3), ".3e") == "3.333e-01");
  CHECK(Show(Const<uint8_t>(types.Bool(), 1), "d") == "1");
  CHECK(Show(Const(types.Char(), 'a'), "d") == "97");
  CHECK(Show(Const(types.Char(), 'a'), ">3") == "  a");
  CHECK(Show(Const(types.Int(), 65), "c") == "A");
  const uint32_t byte = types.Add(v1::TYPE_UCHAR, 1, "uint8_t");
  CHECK(Show(Const<uint8_t>(byte, 255), "02x") == "ff");
}

TEST_CASE_METHOD(RenderFixture, "a formatted value keeps its scalar") {
  const v1::Value value = Render(Const(types.Int(), 255), "#x");
  CHECK(value.int_value() == 255);
  CHECK(value.text() == "0xff");
}

TEST_CASE_METHOD(RenderFixture, "a format that does not fit is an error of the value, never an exception") {
  for (const char* spec : {".2f", "q", ">{}", "99999999999", ".1000000d", "{", "<<<", "1.1.1", "s"}) {
    const v1::Value value = Render(Const(types.Int(), 5), spec);
    INFO(spec << " -> " << value.text());
    CHECK(value.status() == v1::STATUS_ERROR);
    CHECK(value.reason().find("format ':") == 0);
    CHECK(value.scalar_case() == v1::Value::SCALAR_NOT_SET);
  }
  CHECK(Render(Const(types.Double(), 5.0), "d").status() == v1::STATUS_ERROR);
  CHECK(Render(Const<uint64_t>(types.PointerTo(types.Int()), 5), "x").status() == v1::STATUS_ERROR);
  CHECK(Render(Const(types.Int(), 5), "1024d").status() == v1::STATUS_OK);
  CHECK(Render(Const(types.Int(), 5), "1025d").status() == v1::STATUS_ERROR);
}

TEST_CASE_METHOD(RenderFixture, "formatted text stays valid UTF-8") {
  CHECK(Show(Const(types.Int(), 200), "c") == "\\xc8");
}

TEST_CASE_METHOD(RenderFixture, "values that are not there say so and are not formatted") {
  CHECK(Show(Unavailable(types.Int(), "no location at 0x41e3"), "#x") ==
        "<optimized out> (optimized_out: no location at 0x41e3)");
  CHECK(Show(At(types.Int(), 0x10), "#x") == "<unreadable 0x10> (unreadable: 0x10)");
  CHECK(Show(At(types.Int(), 0x1000)) == "<not captured> (unreadable: not captured)");
  CHECK(Show(Binary(types.Int(), v1::OP_DIV, Const(types.Int(), 1), Const(types.Int(), 0))) ==
        "<error: division by zero> (error: division by zero)");
  CHECK(Render(At(types.Int(), 0x10)).type() == "int");
}

TEST_CASE("every status has its text") {
  CHECK(StatusText(v1::STATUS_OK, "") == "");
  CHECK(StatusText(v1::STATUS_TRUNCATED, "256/9001") == "<truncated 256/9001>");
  CHECK(StatusText(v1::STATUS_PARTIAL, "a: optimized out") == "<partial a: optimized out>");
  CHECK(StatusText(v1::STATUS_OPTIMIZED_OUT, "no location at 0x41e3") == "<optimized out>");
  CHECK(StatusText(v1::STATUS_UNREADABLE, "0x10") == "<unreadable 0x10>");
  CHECK(StatusText(v1::STATUS_REDACTED, "by name") == "<redacted>");
  CHECK(StatusText(v1::STATUS_TORN, "") == "<torn>");
  CHECK(StatusText(v1::STATUS_RECOVERED, "") == "<recovered>");
  CHECK(StatusText(v1::STATUS_ERROR, "division by zero") == "<error: division by zero>");
  CHECK(StatusText(v1::STATUS_ERROR, "corrupt: size 9e18") == "<corrupt: size 9e18>");
}

}  // namespace
}  // namespace dlog::format
