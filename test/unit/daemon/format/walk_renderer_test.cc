// SPDX-License-Identifier: Apache-2.0
//
// Containers whose elements are walked to: lists, trees, blocks; and what garbage in them becomes.
#include "test/catch.h"
#include "test/unit/daemon/format/render_fixture.h"

namespace dlog::format {
namespace {

using namespace dlog::test;  // NOLINT: the vocabulary of these tests

constexpr uint64_t kHeader = 0x1000;
constexpr uint64_t kNode = 0x2000;
constexpr uint64_t kStride = 0x100;

struct WalkFixture : RenderFixture {
  // {first, size}, nodes {next, value}.
  uint32_t List(bool with_size) {
    const uint32_t type = types.Add(v1::TYPE_STRUCT, 16, "List");
    v1::Shape* shape = types.at(type)->mutable_shape();
    shape->set_kind(v1::Shape::LIST);
    shape->set_element(types.Int());
    *shape->mutable_data() = SelfWord(0);
    if (with_size) *shape->mutable_size() = SelfWord(8);
    *shape->mutable_end() = test::Self();
    *shape->mutable_next() = SelfWord(0);
    *shape->mutable_value() = Binary(0, v1::OP_ADD, test::Self(), Word(8));
    shape->set_node_size(16);
    return type;
  }
  void PutList(uint64_t size, int nodes, uint64_t last) {
    memory.PutAll<uint64_t>(kHeader, {nodes == 0 ? last : kNode, size});
    for (int i = 0; i < nodes; ++i) {
      const uint64_t at = kNode + static_cast<uint64_t>(i) * kStride;
      memory.PutAll<uint64_t>(at, {i + 1 < nodes ? at + kStride : last, static_cast<uint64_t>(i + 1)});
    }
  }
  // {leftmost, size, header}, nodes {left, right, parent, value}; the header's address is kHeader.
  uint32_t Tree() {
    const uint32_t type = types.Add(v1::TYPE_STRUCT, 16, "Tree");
    v1::Shape* shape = types.at(type)->mutable_shape();
    shape->set_kind(v1::Shape::TREE);
    shape->set_element(types.Int());
    *shape->mutable_data() = SelfWord(0);
    *shape->mutable_size() = SelfWord(8);
    *shape->mutable_end() = test::Self();
    *shape->mutable_left() = SelfWord(0);
    *shape->mutable_right() = SelfWord(8);
    *shape->mutable_parent() = SelfWord(16);
    *shape->mutable_value() = Binary(0, v1::OP_ADD, test::Self(), Word(24));
    shape->set_node_size(32);
    return type;
  }
};

}  // namespace

TEST_CASE_METHOD(WalkFixture, "a list is shown to its end") {
  const uint32_t list = List(true);
  PutList(3, 3, kHeader);
  const v1::Value value = Render(At(list, kHeader));
  CHECK(Line(value) == "{1, 2, 3}");
  CHECK(value.size() == 3);
  CHECK(value.items_size() == 3);
}

TEST_CASE_METHOD(WalkFixture, "an empty list is empty, whether it ends in null or in itself") {
  const uint32_t list = List(true);
  PutList(0, 0, kHeader);
  CHECK(Show(At(list, kHeader)) == "{}");
  const uint32_t unsized = List(false);
  memory.PutAll<uint64_t>(0x1800, {0, 0});
  CHECK(Show(At(unsized, 0x1800)) == "{}");
}

TEST_CASE_METHOD(WalkFixture, "a list that does not know its size says that there is more") {
  const uint32_t list = List(false);
  PutList(0, 5, kHeader);
  limits.items = 3;
  CHECK(Show(At(list, kHeader)) == "{1, 2, 3, ...} (truncated: 3/?)");
  limits.items = 5;
  CHECK(Show(At(list, kHeader)) == "{1, 2, 3, 4, 5}");
}

TEST_CASE_METHOD(WalkFixture, "a list with fewer nodes than it says is corrupt") {
  const uint32_t list = List(true);
  PutList(9, 3, 0);
  CHECK(Show(At(list, kHeader)) == "<corrupt: size 9, but 3 elements> (error: corrupt: size 9, but 3 elements)");
}

TEST_CASE_METHOD(WalkFixture, "a garbage size is corrupt, nothing is walked") {
  const uint32_t list = List(true);
  PutList(9'000'000'000'000'000'000u, 3, 0);
  CHECK(Show(At(list, kHeader)) == "<corrupt: size 9e18> (error: corrupt: size 9e18)");
}

TEST_CASE_METHOD(WalkFixture, "a circular list ends at the item limit") {
  const uint32_t list = List(true);
  PutList(1000000, 3, kNode);
  limits.items = 7;
  CHECK(Show(At(list, kHeader)) == "{1, 2, 3, 1, 2, 3, 1, ...} (truncated: 7/1000000)");
}

TEST_CASE_METHOD(WalkFixture, "a node that was not captured ends the list there") {
  const uint32_t list = List(true);
  PutList(5, 2, 0x9000);
  CHECK(Show(At(list, kHeader)) == "{1, 2, ...} (truncated: 2/5)");
}

TEST_CASE_METHOD(WalkFixture, "a list that changed while it was captured is torn") {
  const uint32_t list = List(true);
  PutList(3, 3, kHeader);
  memory.image.AddTorn(kHeader + 8, 8);
  CHECK(Show(At(list, kHeader)) == "<torn> (torn: changed while it was read)");
}

TEST_CASE_METHOD(WalkFixture, "two captures of the same header that do not agree are torn") {
  const uint32_t list = List(true);
  PutList(3, 3, kHeader);
  memory.PutAll<uint64_t>(kHeader + 8, {4});
  CHECK(Show(At(list, kHeader)) == "<torn> (torn: changed while it was read)");
}

TEST_CASE_METHOD(WalkFixture, "a tree is shown in order") {
  //      2
  //    1   4
  //       3
  const uint32_t tree = Tree();
  const auto node = [](uint64_t value) { return kNode + value * kStride; };
  memory.PutAll<uint64_t>(kHeader, {node(1), 4});
  memory.PutAll<uint64_t>(node(2), {node(1), node(4), kHeader, 2});
  memory.PutAll<uint64_t>(node(1), {0, 0, node(2), 1});
  memory.PutAll<uint64_t>(node(4), {node(3), 0, node(2), 4});
  memory.PutAll<uint64_t>(node(3), {0, 0, node(4), 3});
  CHECK(Show(At(tree, kHeader)) == "{1, 2, 3, 4}");
  limits.items = 2;
  CHECK(Show(At(tree, kHeader)) == "{1, 2, ...} (truncated: 2/4)");
}

TEST_CASE_METHOD(WalkFixture, "the slots of a table hold its elements, or their addresses") {
  const uint32_t table = types.Add(v1::TYPE_STRUCT, 32, "Table");
  v1::Shape* shape = types.at(table)->mutable_shape();
  shape->set_kind(v1::Shape::SLOTS);
  shape->set_element(types.Int());
  shape->set_node_size(8);
  *shape->mutable_data() = SelfWord(0);
  *shape->mutable_value() = SelfWord(8);
  *shape->mutable_capacity() = SelfWord(16);
  *shape->mutable_size() = SelfWord(24);
  memory.PutAll<uint64_t>(kHeader, {0x3000, 0x4000, 3, 2});
  memory.PutAll<int8_t>(0x3000, {1, -128, 2, -1});
  memory.PutAll<uint64_t>(0x4000, {0x5000, 0, 0x5100});
  CHECK(Show(At(table, kHeader)) == "{20480, 20736}");
  shape = types.at(table)->mutable_shape();
  shape->set_block(1);
  memory.PutAll<int32_t>(0x5000, {7});
  CHECK(Show(At(table, kHeader)) == "{7, ...} (truncated: 1/2)");  // the other one was not captured
  memory.PutAll<int32_t>(0x5100, {8});
  CHECK(Show(At(table, kHeader)) == "{7, 8}");
}

TEST_CASE_METHOD(WalkFixture, "a tree that goes down or up in circles is corrupt") {
  const uint32_t tree = Tree();
  memory.PutAll<uint64_t>(kHeader, {kNode, 4});
  memory.PutAll<uint64_t>(kNode, {0, kNode + kStride, kHeader, 1});
  memory.PutAll<uint64_t>(kNode + kStride, {kNode + kStride, 0, kNode, 2});  // its own left child
  CHECK(Show(At(tree, kHeader)) == "<corrupt: the tree is too deep> (error: corrupt: the tree is too deep)");
  memory.PutAll<uint64_t>(0x1800, {0x8000, 4});
  memory.PutAll<uint64_t>(0x8000, {0, 0, 0x8000, 1});  // its own parent, and not on its right
  limits.items = 3;
  CHECK(Show(At(tree, 0x1800)) == "{1, 1, 1, ...} (truncated: 3/4)");
}

}  // namespace dlog::format
