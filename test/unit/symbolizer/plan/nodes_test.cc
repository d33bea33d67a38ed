// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/plan/nodes.h"
#include "test/catch.h"

namespace dlog::plan {
namespace {

v1::Node Register(uint32_t number) {
  v1::Node node;
  node.set_reg(number);
  return node;
}

TEST_CASE("offsets on an address fold into one displacement") {
  const v1::Node address = AddOffset(AddOffset(Register(5), 16), -8);
  const BaseOffset split = SplitOffset(address);
  CHECK(split.base->reg() == 5);
  CHECK(split.offset == 8);
  CHECK(AddOffset(Register(5), 0).has_reg());
}

TEST_CASE("self is replaced wherever it stands, displacements merged") {
  const v1::Node pattern = MemoryObject(AddOffset(Self(), 24), 7);
  const v1::Node node = SubstituteSelf(pattern, AddOffset(Register(4), 8));
  REQUIRE(node.has_memory());
  CHECK(node.type() == 7);
  const BaseOffset split = SplitOffset(node.memory());
  CHECK(split.base->reg() == 4);
  CHECK(split.offset == 32);
}

TEST_CASE("the check around an address guards the object read through it") {
  const v1::Node checked = MakeChecked(Register(0), Register(1), "index out of range");
  const v1::Node object = MemoryObject(checked, 3);
  REQUIRE(object.has_checked());
  CHECK(object.checked().value().has_memory());
  CHECK(object.checked().reason() == "index out of range");
  CHECK(IsInMemory(object));
  CHECK(AddressOf(object).has_checked());
}

TEST_CASE("a constant longer than a word is no word") {
  const char bytes[16] = {1};
  CHECK_FALSE(ConstantWord(MakeConstant(bytes, sizeof(bytes), 0)).has_value());
  CHECK(ConstantWord(Word(0x1234)) == 0x1234u);
}

}  // namespace
}  // namespace dlog::plan
