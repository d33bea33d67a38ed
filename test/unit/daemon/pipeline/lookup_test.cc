// SPDX-License-Identifier: Apache-2.0
//
// The search for a key in a map: over lists here, the walks themselves are tested with the renderer.
#include "test/catch.h"
#include "test/unit/daemon/pipeline/plan_nodes.h"

namespace dlog::pipeline {
namespace {

using namespace dlog::test;  // NOLINT: the vocabulary of these tests

constexpr uint64_t kHeader = 0x1000;
constexpr uint64_t kNode = 0x2000;
constexpr uint64_t kStride = 0x100;
constexpr uint64_t kText = 0x8000;

struct LookupFixture {
  Types types;
  test::Image memory;

  static v1::Node SelfPlus(uint64_t offset) { return Binary(0, v1::OP_ADD, test::Self(), Word(offset)); }
  v1::Node SelfWord(uint64_t offset) { return Memory(types.Long(), SelfPlus(offset)); }

  // {first, size}, nodes {next, key, value}.
  uint32_t Map(uint32_t key, uint64_t key_size) {
    const uint32_t pair = types.Add(v1::TYPE_STRUCT, key_size + 8, "pair");
    types.Field(pair, "first", key, 0);
    types.Field(pair, "second", types.Long(), key_size);
    const uint32_t type = types.Add(v1::TYPE_STRUCT, 16, "Map");
    v1::Shape* shape = types.at(type)->mutable_shape();
    shape->set_kind(v1::Shape::LIST);
    shape->set_is_map(true);
    shape->set_element(pair);
    *shape->mutable_data() = SelfWord(0);
    *shape->mutable_size() = SelfWord(8);
    *shape->mutable_next() = SelfWord(0);
    *shape->mutable_value() = SelfPlus(8);
    return type;
  }
  uint32_t StringType() {
    const uint32_t type = types.Add(v1::TYPE_STRUCT, 16, "string");
    v1::Shape* shape = types.at(type)->mutable_shape();
    shape->set_kind(v1::Shape::STRING);
    shape->set_element(types.Char());
    *shape->mutable_data() = SelfWord(0);
    *shape->mutable_size() = SelfWord(8);
    return type;
  }
  void PutHeader(uint64_t size) { memory.PutAll<uint64_t>(kHeader, {size == 0 ? 0 : kNode, size}); }
  static uint64_t NodeAt(uint64_t i) { return kNode + i * kStride; }

  v1::Node Find(uint32_t map) {
    v1::Node node;
    node.set_type(types.Long());
    *node.mutable_lookup()->mutable_container() = Memory(map, Word(kHeader));
    return node;
  }
  v1::Node FindNumber(uint32_t map, uint64_t key) {
    v1::Node node = Find(map);
    *node.mutable_lookup()->mutable_key() = Word(key);
    return node;
  }
  v1::Node FindText(uint32_t map, const std::string& key) {
    v1::Node node = Find(map);
    node.mutable_lookup()->set_text(key);
    return node;
  }
  // The value, or the reason why there is none.
  std::string Show(const v1::Node& node) {
    const Object object = Evaluate(node, types.table, memory.image);
    uint64_t value = 0;
    v1::ValueStatus status = v1::STATUS_OK;
    std::string reason;
    if (!ReadScalar(object, types.table, memory.image, &value, &status, &reason)) return reason;
    return std::to_string(value);
  }
};

TEST_CASE_METHOD(LookupFixture, "a value is found by its number") {
  const uint32_t map = Map(types.Long(), 8);
  PutHeader(3);
  for (uint64_t i = 0; i < 3; ++i) {
    memory.PutAll<uint64_t>(NodeAt(i), {i < 2 ? NodeAt(i + 1) : 0, 10 * i, 100 + i});
  }
  CHECK(Show(FindNumber(map, 0)) == "100");
  CHECK(Show(FindNumber(map, 20)) == "102");
  CHECK(Show(FindNumber(map, 15)) == "no such key");
}

TEST_CASE_METHOD(LookupFixture, "a value is found by its text, of the same length and bytes") {
  const uint32_t map = Map(StringType(), 16);
  PutHeader(3);
  memory.Bytes(kText, "abcxabd");
  memory.PutAll<uint64_t>(NodeAt(0), {NodeAt(1), kText, 4, 1});
  memory.PutAll<uint64_t>(NodeAt(1), {NodeAt(2), kText + 4, 3, 2});
  memory.PutAll<uint64_t>(NodeAt(2), {0, 0, 0, 3});
  CHECK(Show(FindText(map, "abcx")) == "1");
  CHECK(Show(FindText(map, "abd")) == "2");
  CHECK(Show(FindText(map, "")) == "3");
  CHECK(Show(FindText(map, "abc")) == "no such key");
}

TEST_CASE_METHOD(LookupFixture, "a key that may be behind what was captured is not called missing") {
  const uint32_t map = Map(types.Long(), 8);
  PutHeader(5);
  memory.PutAll<uint64_t>(NodeAt(0), {NodeAt(1), 1, 11});
  CHECK(Show(FindNumber(map, 1)) == "11");
  CHECK(Show(FindNumber(map, 2)) == "no such key among the first 1 that were captured");
}

TEST_CASE_METHOD(LookupFixture, "an earlier key that is not known could be the one that was asked for") {
  const uint32_t map = Map(StringType(), 16);
  PutHeader(2);
  memory.Bytes(kText, "abd");
  memory.PutAll<uint64_t>(NodeAt(0), {NodeAt(1), kText + 0x100, 3, 1});
  memory.PutAll<uint64_t>(NodeAt(1), {0, kText, 3, 2});
  CHECK(Show(FindText(map, "abd")) == "no such key among the first 0 that were captured");
}

TEST_CASE_METHOD(LookupFixture, "a circle ends the search") {
  const uint32_t map = Map(types.Long(), 8);
  PutHeader(~uint64_t{0} / 2);
  memory.PutAll<uint64_t>(NodeAt(0), {NodeAt(0), 1, 11});
  CHECK(Show(FindNumber(map, 2)) == "no such key among those looked at");
}

TEST_CASE_METHOD(LookupFixture, "a map with fewer pairs than it says is corrupt") {
  const uint32_t map = Map(types.Long(), 8);
  PutHeader(3);
  memory.PutAll<uint64_t>(NodeAt(0), {0, 1, 11});
  CHECK(Show(FindNumber(map, 2)) == "corrupt: size 3, but 1 elements");
}

TEST_CASE_METHOD(LookupFixture, "a map that changed while it was captured is not searched") {
  const uint32_t map = Map(types.Long(), 8);
  PutHeader(1);
  memory.PutAll<uint64_t>(NodeAt(0), {0, 1, 11});
  memory.image.AddTorn(kHeader, 8);
  CHECK(Show(FindNumber(map, 1)) == "changed while it was read");
}

TEST_CASE_METHOD(LookupFixture, "a plan that looks for keys in something else is malformed") {
  const uint32_t plain = types.Add(v1::TYPE_STRUCT, 16, "Plain");
  PutHeader(1);
  CHECK_THAT(Show(FindNumber(plain, 1)), ContainsText("not a map"));
}

}  // namespace
}  // namespace dlog::pipeline
