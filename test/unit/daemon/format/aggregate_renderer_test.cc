// SPDX-License-Identifier: Apache-2.0

#include "daemon/format/renderer.h"
#include "test/catch.h"
#include "test/unit/daemon/format/render_fixture.h"

namespace dlog::format {
namespace {

using namespace dlog::test;  // NOLINT: the vocabulary of these tests

struct Aggregates : RenderFixture {
  uint32_t point = types.Add(v1::TYPE_STRUCT, 8, "Point");
  Aggregates() {
    types.Field(point, "x", types.Int(), 0);
    types.Field(point, "y", types.Int(), 4);
  }
};

TEST_CASE_METHOD(Aggregates, "structs nest, with bases first and anonymous members without a name") {
  const uint32_t base = types.Add(v1::TYPE_STRUCT, 4, "Base");
  types.Field(base, "id", types.Int(), 0);
  const uint32_t empty = types.Add(v1::TYPE_STRUCT, 1, "Empty");
  const uint32_t overlay = types.Add(v1::TYPE_UNION, 4, "");
  types.Field(overlay, "i", types.Int(), 0);
  types.Field(overlay, "f", types.Float(), 0);
  const uint32_t derived = types.Add(v1::TYPE_STRUCT, 16, "Derived");
  types.Base(derived, base, 0);
  types.Base(derived, empty, 0);
  types.Field(derived, "p", point, 4);
  types.Field(derived, "", overlay, 12);
  memory.PutAll<int32_t>(0x1000, {9, 1, 2, 0x3f800000});
  const v1::Value value = Render(At(derived, 0x1000));
  CHECK(Line(value) == "{<Base> = {id = 9}, <Empty> = {}, p = {x = 1, y = 2}, {i = 1065353216, f = 1}}");
  REQUIRE(value.fields_size() == 4);
  CHECK(value.fields(0).name() == "<Base>");
  CHECK(value.fields(2).text() == "{x = 1, y = 2}");
  CHECK(value.fields(2).fields(1).int_value() == 2);
  CHECK(value.fields(3).name().empty());
}

TEST_CASE_METHOD(Aggregates, "a type of which the plan has no members is not shown as an empty one") {
  const uint32_t unknown = types.Add(v1::TYPE_STRUCT, 16, "Unknown");
  memory.PutAll<int32_t>(0x1000, {1, 2, 3, 4});
  CHECK(Show(At(unknown, 0x1000)) == "{...} (truncated: not captured)");
}

TEST_CASE_METHOD(Aggregates, "bitfields are members like others") {
  const uint32_t flags = types.Add(v1::TYPE_STRUCT, 4, "Flags");
  types.Field(flags, "a", types.UInt(), 0, 3, 0);
  types.Field(flags, "b", types.Int(), 0, 5, 3);
  types.Field(flags, "c", types.Bool(), 1, 1, 0);
  memory.Bytes(0x1000, std::string("\xfd\x01\0\0", 4));
  CHECK(Show(At(flags, 0x1000)) == "{a = 5, b = -1, c = true}");
}

TEST_CASE_METHOD(Aggregates, "one field that is missing makes the struct partial") {
  memory.Put<int32_t>(0x1000, 1);
  memory.Fault(0x1004, 4);
  CHECK(Show(At(point, 0x1000)) == "{x = 1, y = <unreadable 0x1004>} (partial: y: unreadable 0x1004)");
  v1::Node pieces = Composite(point);
  memory.Reg(5, 7);
  AddPiece(&pieces, 4, Reg(0, 5));
  AddPiece(&pieces, 4, Unavailable(0, "no location at 0x41e3"));
  CHECK(Show(pieces) == "{x = 7, y = <optimized out>} (partial: y: optimized out)");
}

TEST_CASE_METHOD(Aggregates, "the reason of a partial value is a path") {
  const uint32_t line = types.Add(v1::TYPE_STRUCT, 16, "Line");
  const uint32_t points = types.Add(v1::TYPE_ARRAY, 16, "Point [2]", point, 2);
  types.Field(line, "ends", points, 0);
  memory.PutAll<int32_t>(0x1000, {1, 2, 3});
  memory.Fault(0x100c, 4);
  CHECK(Show(At(line, 0x1000)) ==
        "{ends = {{x = 1, y = 2}, {x = 3, y = <unreadable 0x100c>}}} (partial: ends[1].y: unreadable 0x100c)");
}

TEST_CASE_METHOD(Aggregates, "a struct of which nothing is there is no struct") {
  memory.Fault(0x1000, 8);
  CHECK(Show(At(point, 0x1000)) == "<unreadable 0x1000> (unreadable: 0x1000)");
  CHECK(Show(At(point, 0x2000)) == "<not captured> (unreadable: not captured)");
}

TEST_CASE_METHOD(Aggregates, "virtual bases without a place and incomplete types are said not to be followed") {
  const uint32_t opaque = types.Add(v1::TYPE_OPAQUE, 0, "Opaque");
  const uint32_t holder = types.Add(v1::TYPE_STRUCT, 8, "Holder");
  types.Field(holder, "", point, 0);
  types.at(holder)->mutable_fields(0)->set_is_virtual_base(true);
  types.Field(holder, "x", types.Int(), 0);
  types.Field(holder, "o", opaque, 4);
  memory.PutAll<int32_t>(0x1000, {1, 2});
  CHECK(Show(At(holder, 0x1000)) ==
        "{<Point> = <error: the place of the virtual base is not known>, x = 1, o = <error: incomplete type>} "
        "(partial: <Point>: error: the place of the virtual base is not known)");
}

TEST_CASE_METHOD(Aggregates, "a virtual base is where the object's vtable says") {
  const uint32_t holder = types.Add(v1::TYPE_STRUCT, 8, "Holder");
  types.Field(holder, "", point, 0);
  v1::Field* base = types.at(holder)->mutable_fields(0);
  base->set_is_base(true);
  base->set_is_virtual_base(true);
  // self + *(*self - 24), as DW_AT_data_member_location computes it.
  const auto word = [](v1::Operator op, v1::Node left, v1::Node right) {
    v1::Node node;
    node.mutable_binary()->set_op(op);
    *node.mutable_binary()->mutable_left() = std::move(left);
    *node.mutable_binary()->mutable_right() = std::move(right);
    return node;
  };
  const auto load = [](v1::Node address) {
    v1::Node node;
    *node.mutable_memory() = std::move(address);
    return node;
  };
  v1::Node self, back;
  self.set_self(true);
  back.set_constant(std::string("\x18\0\0\0\0\0\0\0", 8));
  *base->mutable_base_address() = word(v1::OP_ADD, self, load(word(v1::OP_SUB, load(self), back)));
  memory.PutAll<uint64_t>(0x1000, {0x2018});
  memory.PutAll<uint64_t>(0x2000, {0x40});
  memory.PutAll<int32_t>(0x1040, {7, 8});
  CHECK(Show(At(holder, 0x1000)) == "{<Point> = {x = 7, y = 8}}");
  memory.Fault(0x3000, 8);
  memory.PutAll<uint64_t>(0x4000, {0x3018});
  CHECK(Show(At(holder, 0x4000)).find("<Point> = <unreadable 0x3000>") != std::string::npos);
}

TEST_CASE_METHOD(Aggregates, "arrays show their elements, several dimensions nest") {
  const uint32_t row = types.Add(v1::TYPE_ARRAY, 8, "int [2]", types.Int(), 2);
  const uint32_t matrix = types.Add(v1::TYPE_ARRAY, 16, "int [2][2]", row, 2);
  memory.PutAll<int32_t>(0x1000, {1, 2, 3, 4});
  const v1::Value value = Render(At(matrix, 0x1000));
  CHECK(Line(value) == "{{1, 2}, {3, 4}}");
  CHECK(value.size() == 2);
  CHECK(value.items(1).items(0).int_value() == 3);
  const v1::Value pointers = Render(At(types.Add(v1::TYPE_ARRAY, 8, "Point [1]", point, 1), 0x1000));
  CHECK(Line(pointers) == "{{x = 1, y = 2}}");
}

TEST_CASE_METHOD(Aggregates, "what is beyond the item limit is counted, not shown") {
  limits.items = 3;
  const uint32_t array = types.Add(v1::TYPE_ARRAY, 40, "int [10]", types.Int(), 10);
  memory.PutAll<int32_t>(0x1000, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  const v1::Value value = Render(At(array, 0x1000));
  CHECK(Line(value) == "{1, 2, 3, ...} (truncated: 3/10)");
  CHECK(value.size() == 10);
  CHECK(value.items_size() == 3);
}

TEST_CASE_METHOD(Aggregates, "what was not captured of an array is never shown") {
  const uint32_t array = types.Add(v1::TYPE_ARRAY, 40, "int [10]", types.Int(), 10);
  SECTION("the capture ends between elements") {
    memory.PutAll<int32_t>(0x1000, {1, 2});
    CHECK(Show(At(array, 0x1000)) == "{1, 2, ...} (truncated: 2/10)");
  }
  SECTION("the capture ends inside an element") {
    memory.Bytes(0x1000, std::string("\1\0\0\0\2\0", 6));
    CHECK(Show(At(array, 0x1000)) == "{1, ...} (truncated: 1/10)");
  }
  SECTION("the memory ends") {
    memory.PutAll<int32_t>(0x1000, {1, 2});
    memory.Fault(0x1008, 32);
    CHECK(Show(At(array, 0x1000)) == "{1, 2, <unreadable 0x1008>, ...} (partial: [2]: unreadable 0x1008)");
  }
  SECTION("nothing") { CHECK(Show(At(array, 0x1000)) == "<not captured> (unreadable: not captured)"); }
}

TEST_CASE_METHOD(Aggregates, "a string that cannot be read does not hide its neighbours") {
  const uint32_t names = types.Add(v1::TYPE_ARRAY, 16, "char *[2]", types.PointerTo(types.Char()), 2);
  memory.PutAll<uint64_t>(0x1000, {0x10, 0x2000});
  memory.Bytes(0x2000, std::string("b\0", 2));
  CHECK(Show(At(names, 0x1000)) == "{<unreadable 0x10>, \"b\"} (partial: [0]: unreadable 0x10)");
}

TEST_CASE_METHOD(Aggregates, "references are transparent but keep their type") {
  const uint32_t reference = types.Add(v1::TYPE_REFERENCE, 8, "const Point &", point);
  memory.Reg(5, 0x1000);
  memory.PutAll<int32_t>(0x1000, {1, 2});
  const v1::Value value = Render(Reg(reference, 5));
  CHECK(Line(value) == "{x = 1, y = 2}");
  CHECK(value.type() == "const Point &");
  const uint32_t number = types.Add(v1::TYPE_REFERENCE, 8, "int &", types.Int());
  CHECK(Show(Reg(number, 5), "#x") == "0x1");
  memory.Reg(5, 0x10);
  CHECK(Show(Reg(reference, 5)) == "<unreadable 0x10> (unreadable: 0x10)");
}

TEST_CASE_METHOD(Aggregates, "a flexible array has no known end") {
  const uint32_t flexible = types.Add(v1::TYPE_ARRAY, 0, "int []", types.Int(), 0);
  CHECK(Show(At(flexible, 0x1000)) == "{...} (truncated: number of elements is not known)");
}

TEST_CASE_METHOD(Aggregates, "an array with a computed bound has as many elements as the bound says") {
  const uint32_t array = types.Add(v1::TYPE_ARRAY, 0, "int []", types.Int(), 0);
  types.at(array)->mutable_shape()->mutable_size()->set_reg(3);
  memory.PutAll<int32_t>(0x1000, {1, 2, 3});
  memory.Reg(3, 3);
  CHECK(Show(At(array, 0x1000)) == "{1, 2, 3}");
  memory.Reg(3, 0);
  CHECK(Show(At(array, 0x1000)) == "{}");
  memory.Reg(3, ~uint64_t{0});
  CHECK_THAT(Show(At(array, 0x1000)), ContainsText("corrupt: size 1e19"));
}

TEST_CASE_METHOD(Aggregates, "a format aligns a whole aggregate, other formats are refused") {
  memory.PutAll<int32_t>(0x1000, {1, 2});
  CHECK(Show(At(point, 0x1000), ">16") == "  {x = 1, y = 2}");
  const v1::Value value = Render(At(point, 0x1000), "x");
  CHECK(value.status() == v1::STATUS_ERROR);
  CHECK(value.fields_size() == 0);
}

TEST_CASE_METHOD(Aggregates, "types that contain themselves end") {
  const uint32_t self = types.Add(v1::TYPE_STRUCT, 8, "Self");
  types.Field(self, "s", self, 0);
  memory.Put<uint64_t>(0x1000, 0);
  const v1::Value value = Render(At(self, 0x1000));
  CHECK(value.status() == v1::STATUS_PARTIAL);
  CHECK(value.text().find("nested too deeply") != std::string::npos);
  CHECK(value.text().size() < 1000);

  const uint32_t reference = types.Add(v1::TYPE_REFERENCE, 8, "Loop &", 0);
  types.at(reference)->set_target(reference);
  memory.Put<uint64_t>(0x2000, 0x2000);
  CHECK(Render(At(reference, 0x2000)).status() == v1::STATUS_ERROR);
}

TEST_CASE_METHOD(Aggregates, "types that fan out end, too") {
  limits.items = 1000;
  uint32_t inner = types.Int();
  for (int i = 0; i < 6; ++i) {
    const uint32_t outer = types.Add(v1::TYPE_STRUCT, 4, "Fan");
    for (int k = 0; k < 50; ++k) types.Field(outer, "f", inner, 0);
    inner = outer;
  }
  memory.Put<int32_t>(0x1000, 1);
  const v1::Value value = Render(At(inner, 0x1000));
  CHECK(value.status() == v1::STATUS_TRUNCATED);
  CHECK(value.reason() == "value too large to show");
  CHECK(value.text().size() < 2 * kMaxTextBytes);
}

TEST_CASE_METHOD(Aggregates, "hostile arrays are refused or cut") {
  memory.Put<int32_t>(0x1000, 1);
  const uint32_t huge = types.Add(v1::TYPE_ARRAY, 4, "int [...]", types.Int(), ~uint64_t{0});
  CHECK(Render(At(huge, 0x1000)).status() == v1::STATUS_ERROR);
  const uint32_t empty = types.Add(v1::TYPE_STRUCT, 0, "Nothing");
  const uint32_t of_empty = types.Add(v1::TYPE_ARRAY, 4, "Nothing [9]", empty, 9);
  CHECK(Render(At(of_empty, 0x1000)).status() == v1::STATUS_ERROR);
  const uint32_t of_none = types.Add(v1::TYPE_ARRAY, 4, "? [9]", 9999, 9);
  CHECK(Render(At(of_none, 0x1000)).status() == v1::STATUS_ERROR);
  const uint32_t bad_field = types.Add(v1::TYPE_STRUCT, 4, "Bad");
  types.Field(bad_field, "f", 9999, 0);
  CHECK(Show(At(bad_field, 0x1000)) ==
        "{f = <error: malformed plan: no such type>} (partial: f: error: malformed plan: no such type)");
  const uint32_t monster = types.Add(v1::TYPE_STRUCT, uint64_t{1} << 63, "Monster");
  types.Field(monster, "x", types.Int(), 0);
  const uint32_t monsters = types.Add(v1::TYPE_ARRAY, 4, "Monster [4]", monster, 4);
  CHECK(Render(At(monsters, 0x1000)).items_size() <= 4);
}

}  // namespace
}  // namespace dlog::format
