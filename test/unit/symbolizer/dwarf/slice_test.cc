// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/slice.h"

#include "symbolizer/dwarf/location.h"
#include "symbolizer/dwarf/nodes.h"
#include "test/catch.h"

namespace dlog::dwarf {
namespace {

std::string Text(const v1::Node& location, uint64_t offset, uint64_t size) {
  auto slice = SliceLocation(location, offset, size);
  return slice.ok() ? DescribeLocation(*slice) : std::string(slice.status().message());
}

TEST_CASE("A part of an object is where that part of the object is") {
  const v1::Node memory = MemoryNode(BinaryNode(v1::OP_ADD, RegisterNode(7), ConstantNode(8)));
  CHECK(Text(memory, 4, 4) == "[rsp+0xc]");
  CHECK(Text(RegisterNode(3), 0, 4) == "{rbx}");
  CHECK(Text(RegisterNode(3), 4, 4) == "{rbx>>0x20}");
  CHECK_FALSE(SliceLocation(RegisterNode(3), 4, 8).ok());
  CHECK(SliceLocation(ConstantNode(0x1122334455667788), 1, 2)->constant() == "\x77\x66");
  CHECK_FALSE(SliceLocation(ConstantNode(0), 7, 2).ok());
  CHECK_FALSE(SliceLocation(ConstantNode(0), ~uint64_t{0}, 2).ok());
}

TEST_CASE("Pieces are cut, and a whole pointer among them stays one") {
  v1::Node location;
  auto add = [&](uint32_t size, v1::Node value, bool in_memory) {
    v1::Composite::Piece* piece = location.mutable_composite()->add_pieces();
    piece->set_size(size);
    *piece->mutable_value() = std::move(value);
    piece->set_in_memory(in_memory);
  };
  v1::Node pointer;
  pointer.mutable_implicit_pointer();
  add(8, pointer, false);
  add(4, RegisterNode(0), false);
  add(8, RegisterNode(7), true);
  CHECK(SliceLocation(location, 0, 8)->has_implicit_pointer());
  CHECK(Text(location, 0, 4) == "{<synthetic pointer>}");
  CHECK(Text(location, 9, 2) == "{rax>>0x8}");
  CHECK(Text(location, 12, 8) == "[rsp]");
  CHECK(Text(location, 10, 4) == "{rax>>0x10, [rsp]}");
  CHECK_FALSE(SliceLocation(location, 16, 8).ok());
}

}  // namespace
}  // namespace dlog::dwarf
