// SPDX-License-Identifier: Apache-2.0

#include "daemon/format/renderer.h"
#include "daemon/format/template_renderer.h"
#include "test/catch.h"
#include "test/unit/daemon/format/render_fixture.h"

namespace dlog::format {
namespace {

using namespace dlog::test;  // NOLINT: the vocabulary of these tests

std::string Message(const v1::Value& value) {
  event::Storage storage;
  event::Value* flat = storage.NewValue();
  event::FromProto(value, flat);
  event::Text out;
  AppendMessageText(*flat, &out);
  return std::string(out.view());
}

TEST_CASE_METHOD(RenderFixture, "strings are bare at the top, quoted with escapes inside") {
  const uint32_t string = String();
  const uint32_t item = types.Add(v1::TYPE_STRUCT, 32, "Item");
  types.Field(item, "sku", string, 0);
  const std::string contents = "A\"1\\\n\t\x1b\xff";
  memory.PutAll<uint64_t>(0x1000, {0x2000, contents.size()});
  memory.Bytes(0x2000, contents);
  const v1::Value value = Render(At(string, 0x1000));
  CHECK(Line(value) == "A\"1\\\n\t\x1b\\xff");
  CHECK(value.string_value() == contents);
  CHECK(value.size() == contents.size());
  const v1::Value holder = Render(At(item, 0x1000));
  CHECK(Line(holder) == R"({sku = "A\"1\\\n\t\x1b\xff"})");
  CHECK(holder.fields(0).text() == "A\"1\\\n\t\x1b\\xff");
  CHECK(Show(At(string, 0x1000), ".1") == "A");
}

TEST_CASE_METHOD(RenderFixture, "an empty string is an empty string, wherever it points") {
  const uint32_t string = String();
  memory.PutAll<uint64_t>(0x1000, {0x2000, 0});
  memory.PutAll<uint64_t>(0x1100, {0, 0});
  CHECK(Show(At(string, 0x1000)) == "");
  CHECK(Show(At(string, 0x1100)) == "");
}

TEST_CASE_METHOD(RenderFixture, "a string that is longer than its capture says how much there is") {
  const uint32_t string = String();
  memory.PutAll<uint64_t>(0x1000, {0x2000, 9001});
  memory.Bytes(0x2000, std::string(256, 'x'));
  const v1::Value value = Render(At(string, 0x1000));
  CHECK(Line(value) == std::string(256, 'x') + "... (truncated: 256/9001)");
  CHECK(value.size() == 9001);
  CHECK(value.string_value() == std::string(256, 'x'));
  CHECK(Message(value) == std::string(256, 'x') + "<truncated 256/9001>");
  limits.string_bytes = 4;
  CHECK(Show(At(string, 0x1000)) == "xxxx... (truncated: 4/9001)");
}

TEST_CASE_METHOD(RenderFixture, "a cut inside a character leaves no half character") {
  const uint32_t string = String();
  memory.PutAll<uint64_t>(0x1000, {0x2000, 4});
  memory.Bytes(0x2000, "aä€");
  limits.string_bytes = 4;
  const v1::Value value = Render(At(string, 0x1000));
  CHECK(value.text() == std::string("aä") + "\\xe2");
  memory.PutAll<uint64_t>(0x1100, {0x2000, 6});
  const v1::Value cut = Render(At(string, 0x1100));
  CHECK(Line(cut) == "aä... (truncated: 4/6)");
  CHECK(cut.string_value().size() == 4);
}

TEST_CASE_METHOD(RenderFixture, "a string whose bytes cannot be read is not shown") {
  const uint32_t string = String();
  memory.PutAll<uint64_t>(0x1000, {0x9000, 5});
  CHECK(Show(At(string, 0x1000)) == "... (truncated: 0/5)");
  memory.Fault(0x9000, 5);
  CHECK(Show(At(string, 0x1000)) == "<unreadable 0x9000> (unreadable: 0x9000)");
  memory.Bytes(0x2000, "abc");
  memory.Fault(0x2003, 2);
  memory.PutAll<uint64_t>(0x1100, {0x2000, 5});
  CHECK(Show(At(string, 0x1100)) == "abc... (partial: unreadable 0x2003 after 3/5)");
}

TEST_CASE_METHOD(RenderFixture, "headers that are garbage are recognised before anything is read by them") {
  const uint32_t string = String();
  const uint32_t ints = Vector(types.Int(), "std::vector<int>");
  memory.Bytes(0x2000, std::string(64, 'x'));
  const auto show = [&](uint32_t type, uint64_t first, uint64_t second) {
    static uint64_t address = 0x10000;
    memory.PutAll<uint64_t>(address += 0x100, {first, second, 0});
    const v1::Value value = Render(At(type, address));
    CHECK(value.status() == v1::STATUS_ERROR);
    CHECK(Message(value) == value.text());
    return value.text();
  };
  CHECK(show(string, 0x2000, 9'223'372'036'854'775'807) == "<corrupt: size 9e18>");
  CHECK(show(string, 0x2000, (uint64_t{1} << 40) + 1) == "<corrupt: size 1e12>");
  CHECK(show(string, 0, 5) == "<corrupt: size 5 at nullptr>");
  CHECK(show(ints, 0x2010, 0x2000) == "<corrupt: end before begin>");
  CHECK(show(ints, 0x2000, 0x200d) == "<corrupt: 13 bytes of 4-byte elements>");
  CHECK(show(ints, 0x2002, 0x2006) == "<corrupt: misaligned 0x2002>");
  CHECK(show(ints, 0, 0xffff'ffff'ffff'fffc) == "<corrupt: size 4e18>");
}

TEST_CASE_METHOD(RenderFixture, "sequences show elements and the real size") {
  const uint32_t ints = Vector(types.Int(), "std::vector<int>");
  PutVector(0x1000, 0x2000, 0x2000 + 4 * 2500);
  std::vector<int32_t> numbers(100);
  for (int i = 0; i < 100; ++i) numbers[i] = i;
  memory.PutAll(0x2000, numbers);
  limits.items = 3;
  const v1::Value value = Render(At(ints, 0x1000));
  CHECK(Line(value) == "{0, 1, 2, ...} (truncated: 3/2500)");
  CHECK(value.size() == 2500);
  CHECK(Message(value) == "{0, 1, 2, ...}<truncated 3/2500>");
  limits.items = 5000;
  CHECK(Render(At(ints, 0x1000)).reason() == "100/2500");
  PutVector(0x1100, 0, 0);
  const v1::Value empty = Render(At(ints, 0x1100));
  CHECK(Line(empty) == "{}");
  CHECK(empty.is_sequence());
  CHECK(empty.size() == 0);
}

TEST_CASE_METHOD(RenderFixture, "depth counts pointers and containers, not structs") {
  const uint32_t row = Vector(types.Int(), "std::vector<int>");
  const uint32_t wrapped = types.Add(v1::TYPE_STRUCT, 24, "Row");
  types.Field(wrapped, "v", row, 0);
  const uint32_t rows = Vector(wrapped, "std::vector<Row>");
  PutVector(0x1000, 0x2000, 0x2000 + 24);
  PutVector(0x2000, 0x3000, 0x3008);
  memory.PutAll<int32_t>(0x3000, {1, 2});
  limits.depth = 2;
  CHECK(Show(At(rows, 0x1000)) == "{{v = {1, 2}}}");
  limits.depth = 1;
  CHECK(Show(At(rows, 0x1000)) == "{{v = {...}}} (truncated: depth 1)");
}

TEST_CASE_METHOD(RenderFixture, "what the event's limits cut off names the limit") {
  const uint32_t row = Vector(types.Int(), "std::vector<int>");
  PutVector(0x1000, 0x2000, 0x2008);
  CHECK(Show(At(row, 0x1000)) == "{...} (truncated: not captured)");
  limits.record_flags = DLOG_RECORD_BUDGET;
  CHECK(Show(At(row, 0x1000)) == "{...} (truncated: byte limit of the event)");
  limits.record_flags = DLOG_RECORD_QUEUE;
  CHECK(Show(At(row, 0x1000)) == "{...} (truncated: too many objects to follow)");
}

TEST_CASE_METHOD(RenderFixture, "elements that fault end the sequence") {
  const uint32_t row = Vector(types.Int(), "std::vector<int>");
  PutVector(0x1000, 0x2000, 0x2000 + 4 * 1000000);
  memory.Fault(0x2000, 4000000);
  const v1::Value value = Render(At(row, 0x1000));
  CHECK(Line(value) == "{<unreadable 0x2000>, ...} (partial: [0]: unreadable 0x2000)");
  CHECK(value.items_size() == 1);
}

TEST_CASE_METHOD(RenderFixture, "a container whose own header is missing says so") {
  const uint32_t row = Vector(types.Int(), "std::vector<int>");
  CHECK(Show(At(row, 0x10)) == "<unreadable 0x10> (unreadable: 0x10)");
  memory.Put<uint64_t>(0x1000, 0x2000);
  memory.Fault(0x1008, 8);
  CHECK(Show(At(row, 0x1000)) == "<unreadable 0x1008> (unreadable: 0x1008)");
}

TEST_CASE_METHOD(RenderFixture, "optional is nullopt or its value") {
  const uint32_t optional = Optional(types.Int(), 4, "std::optional<int>");
  memory.PutAll<int32_t>(0x1000, {42, 1});
  memory.PutAll<int32_t>(0x1100, {42, 0});
  const v1::Value value = Render(At(optional, 0x1000), "#x");
  CHECK(Line(value) == "0x2a");
  CHECK(value.type() == "std::optional<int>");
  CHECK(value.int_value() == 42);
  CHECK(Show(At(optional, 0x1100)) == "nullopt");
}

TEST_CASE_METHOD(RenderFixture, "smart pointers show what they point to when it was captured") {
  const uint32_t node = types.Add(v1::TYPE_STRUCT, 16, "Node");
  const uint32_t pointer = UniquePtr(node, "std::unique_ptr<Node>");
  types.Field(node, "value", types.Int(), 0);
  types.Field(node, "next", pointer, 8);
  memory.Put<uint64_t>(0x1000, 0x2000);
  memory.PutAll<uint64_t>(0x2000, {1, 0x3000});
  memory.PutAll<uint64_t>(0x3000, {2, 0x4000});
  CHECK(Show(At(pointer, 0x1000)) == "{value = 1, next = {value = 2, next = 0x4000}}");
  CHECK(Render(At(pointer, 0x1000)).type() == "std::unique_ptr<Node>");
  memory.PutAll<uint64_t>(0x4000, {3, 0});
  CHECK(Show(At(pointer, 0x1000)) == "{value = 1, next = {value = 2, next = {value = 3, next = nullptr}}}");
  memory.Put<uint64_t>(0x1100, 0);
  CHECK(Show(At(pointer, 0x1100)) == "nullptr");
}

TEST_CASE_METHOD(RenderFixture, "cycles of smart pointers end at the depth limit") {
  const uint32_t node = types.Add(v1::TYPE_STRUCT, 8, "Node");
  const uint32_t pointer = UniquePtr(node, "std::shared_ptr<Node>");
  types.Field(node, "next", pointer, 0);
  memory.Put<uint64_t>(0x1000, 0x1000);
  CHECK(Show(At(pointer, 0x1000)) == "{next = {next = {next = 0x1000}}}");
}

TEST_CASE_METHOD(RenderFixture, "library types in registers are followed like those in memory") {
  const uint32_t view = StringView();
  v1::Node in_registers = Composite(view);
  memory.Reg(5, 5);
  memory.Reg(4, 0x2000);
  AddPiece(&in_registers, 8, Reg(0, 5));
  AddPiece(&in_registers, 8, Reg(0, 4));
  memory.Bytes(0x2000, "hello");
  CHECK(Show(in_registers) == "hello");

  const uint32_t optional = Optional(types.Int(), 4, "std::optional<int>");
  memory.Reg(1, 0x1'0000'002a);
  CHECK(Show(Reg(optional, 1)) == "42");

  v1::Node half = Composite(view);
  AddPiece(&half, 8, Reg(0, 5));
  AddPiece(&half, 8, Unavailable(0, "no location at 0x41e3"));
  CHECK(Show(half) == "<optimized out> (optimized_out: no location at 0x41e3)");
}

TEST_CASE_METHOD(RenderFixture, "of a text without its size or its pointer the members are shown") {
  const uint32_t view = StringView();
  types.Field(view, "_M_len", types.Add(v1::TYPE_UNSIGNED, 8, "unsigned long"), 0);
  types.Field(view, "_M_str", types.Add(v1::TYPE_POINTER, 8, "void *"), 8);
  memory.Reg(5, 5);
  memory.Reg(4, 0x2000);
  memory.Bytes(0x2000, "hello");
  v1::Node size = Composite(view);
  AddPiece(&size, 8, Reg(0, 5));
  AddPiece(&size, 8, Unavailable(0, "gone"));
  CHECK(Show(size) == "{_M_len = 5, _M_str = <optimized out>} (partial: _M_str: optimized out)");
  v1::Node pointer = Composite(view);
  AddPiece(&pointer, 8, Unavailable(0, "gone"));
  AddPiece(&pointer, 8, Reg(0, 4));
  CHECK(Show(pointer) == "{_M_len = <optimized out>, _M_str = 0x2000} (partial: _M_len: optimized out)");
  v1::Node neither = Composite(view);
  AddPiece(&neither, 16, Unavailable(0, "gone"));
  CHECK(Show(neither) == "<optimized out> (optimized_out: gone)");
}

TEST_CASE_METHOD(RenderFixture, "character arrays end at NUL or at their bound") {
  const uint32_t eight = types.Add(v1::TYPE_ARRAY, 8, "char [8]", types.Char(), 8);
  memory.Bytes(0x1000, std::string("abc\0defg", 8));
  memory.Bytes(0x1100, "abcdefgh");
  CHECK(Show(At(eight, 0x1000)) == "abc");
  CHECK(Show(At(eight, 0x1100)) == "abcdefgh");
  memory.Reg(5, 0x636261);
  CHECK(Show(Reg(eight, 5)) == "abc");
  const uint32_t holder = types.Add(v1::TYPE_STRUCT, 8, "Holder");
  types.Field(holder, "name", eight, 0);
  CHECK(Show(At(holder, 0x1000)) == "{name = \"abc\"}");
  limits.string_bytes = 4;
  CHECK(Show(At(eight, 0x1100)) == "abcd... (truncated: 4/8)");
  CHECK(Show(At(eight, 0x1000)) == "abc");
}

TEST_CASE_METHOD(RenderFixture, "C strings end at NUL, null is nullptr, and what is cut says so") {
  const uint32_t pointer = types.PointerTo(types.Char());
  memory.Bytes(0x1000, std::string("hello\0world", 11));
  CHECK(Show(Const<uint64_t>(pointer, 0x1000)) == "hello");
  CHECK(Show(Const<uint64_t>(pointer, 0x1000), ">7") == "  hello");
  CHECK(Show(Const<uint64_t>(pointer, 0x1000), "p") == "0x1000");
  CHECK(Show(Const<uint64_t>(pointer, 0)) == "nullptr");
  CHECK(Show(Const<uint64_t>(pointer, 0x1006)) == "world... (truncated: 5/?)");
  memory.Fault(0x10, 8);
  CHECK(Show(Const<uint64_t>(pointer, 0x10)) == "<unreadable 0x10> (unreadable: 0x10)");
  CHECK(Show(Const<uint64_t>(pointer, 0x9000)) == "0x9000 (truncated: not captured)");
}

TEST_CASE_METHOD(RenderFixture, "a C string that just fits the limit is whole") {
  const uint32_t pointer = types.PointerTo(types.Char());
  memory.Bytes(0x1000, std::string("hello\0", 6));
  memory.Bytes(0x2000, "helloo");
  limits.string_bytes = 5;
  CHECK(Show(Const<uint64_t>(pointer, 0x1000)) == "hello");
  CHECK(Show(Const<uint64_t>(pointer, 0x2000)) == "hello... (truncated: 5/?)");
}

TEST_CASE_METHOD(RenderFixture, "elements inside the object are no level of depth") {
  const uint32_t array = types.Add(v1::TYPE_STRUCT, 8, "std::array<int, 2>");
  v1::Shape* shape = types.at(array)->mutable_shape();
  shape->set_kind(v1::Shape::SEQUENCE);
  shape->set_element(types.Int());
  *shape->mutable_data() = Self();
  *shape->mutable_size() = Word(2);
  limits.depth = 0;
  memory.PutAll<int32_t>(0x1000, {1, 2});
  CHECK(Show(At(array, 0x1000)) == "{1, 2}");
  memory.Reg(5, 0x2'0000'0001);
  CHECK(Show(Reg(array, 5)) == "{1, 2}");
  const uint32_t ints = Vector(types.Int(), "std::vector<int>");
  PutVector(0x2000, 0x1000, 0x1008);
  CHECK(Show(At(ints, 0x2000)) == "{...} (truncated: depth 0)");
}

TEST_CASE_METHOD(RenderFixture, "wide strings become UTF-8") {
  const uint32_t utf16 = types.Add(v1::TYPE_UTF_CHAR, 2, "char16_t");
  const uint32_t string = Counted(v1::Shape::STRING, "std::u16string", utf16, 0, 8, 32);
  const std::u16string contents = u"a€😀\xd800";
  memory.PutAll<uint64_t>(0x1000, {0x2000, contents.size()});
  memory.PutAll(0x2000, std::vector<char16_t>(contents.begin(), contents.end()));
  CHECK(Show(At(string, 0x1000)) == "a€😀\\ud800");
  const uint32_t wide = types.Add(v1::TYPE_UTF_CHAR, 4, "wchar_t");
  memory.PutAll<uint32_t>(0x3000, {0x20ac, 0x110000, 0});
  CHECK(Show(Const<uint64_t>(types.PointerTo(wide), 0x3000)) == "€\\U00110000");
}

TEST_CASE_METHOD(RenderFixture, "elements may lie further apart than they are long") {
  const uint32_t spaced = Counted(v1::Shape::SEQUENCE, "QList<int>", types.Int(), 0, 8);
  types.at(spaced)->mutable_shape()->set_node_size(8);
  memory.PutAll<uint64_t>(0x1000, {0x2000, 3});
  memory.PutAll<int32_t>(0x2000, {1, -1, 2, -1, 3, -1});
  CHECK(Show(At(spaced, 0x1000)) == "{1, 2, 3}");
}

TEST_CASE_METHOD(RenderFixture, "the bytes of internet addresses are shown as those") {
  const uint32_t address = Counted(v1::Shape::STRING, "in_addr", types.Char(), 0, 8);
  types.at(address)->mutable_shape()->set_as_digits(true);
  memory.PutAll<uint64_t>(0x1000, {0x2000, 4});
  memory.PutAll<uint8_t>(0x2000, {192, 0, 2, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
  CHECK(Show(At(address, 0x1000)) == "192.0.2.255");
  memory.PutAll<uint64_t>(0x1100, {0x2000, 16});
  CHECK(Show(At(address, 0x1100)) == "c000:2ff::1");
  memory.PutAll<uint64_t>(0x1200, {0x2000, 5});
  CHECK(Render(At(address, 0x1200)).status() == v1::STATUS_ERROR);
  memory.PutAll<uint64_t>(0x1300, {0x200e, 4});  // only two bytes of it are captured
  CHECK(Render(At(address, 0x1300)).status() == v1::STATUS_UNREADABLE);
}

TEST_CASE_METHOD(RenderFixture, "hostile shapes are errors") {
  memory.Bytes(0x1000, std::string(64, '\1'));
  const uint32_t no_size = types.Add(v1::TYPE_STRUCT, 16, "NoSize");
  types.at(no_size)->mutable_shape()->set_kind(v1::Shape::SEQUENCE);
  types.at(no_size)->mutable_shape()->set_element(types.Int());
  *types.at(no_size)->mutable_shape()->mutable_data() = SelfWord(0);
  CHECK(Render(At(no_size, 0x1000)).status() == v1::STATUS_ERROR);
  const uint32_t bad_element = Counted(v1::Shape::SEQUENCE, "Bad", 9999, 0, 8);
  CHECK(Render(At(bad_element, 0x1000)).status() == v1::STATUS_ERROR);
  const uint32_t odd_string = Counted(v1::Shape::STRING, "Odd", types.Add(v1::TYPE_STRUCT, 3, "C"), 0, 8);
  memory.PutAll<uint64_t>(0x2000, {0x1000, 2});
  CHECK(Render(At(odd_string, 0x2000)).status() == v1::STATUS_ERROR);
  const uint32_t empty_nodes = types.Add(v1::TYPE_STRUCT, 16, "Empty");
  types.at(empty_nodes)->mutable_shape()->set_kind(v1::Shape::OPTIONAL);
  CHECK(Render(At(empty_nodes, 0x1000)).status() == v1::STATUS_ERROR);
  // An optional that contains itself, at its own address.
  const uint32_t loop = types.Add(v1::TYPE_STRUCT, 8, "Loop");
  types.at(loop)->mutable_shape()->set_kind(v1::Shape::OPTIONAL);
  types.at(loop)->mutable_shape()->set_element(loop);
  *types.at(loop)->mutable_shape()->mutable_engaged() = Word(1);
  *types.at(loop)->mutable_shape()->mutable_data() = Self();
  CHECK(Show(At(loop, 0x1000)) == "<error: nested too deeply> (error: nested too deeply)");
}

}  // namespace
}  // namespace dlog::format
