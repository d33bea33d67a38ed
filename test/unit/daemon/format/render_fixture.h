// SPDX-License-Identifier: Apache-2.0
//
// A type table with the library shapes of libstdc++, and one-line views of rendered values.
#pragma once

#include <string>

#include "daemon/event/event_proto.h"
#include "daemon/event/storage.h"
#include "daemon/format/event_json.h"
#include "daemon/format/value_renderer.h"
#include "test/unit/daemon/pipeline/plan_nodes.h"

namespace dlog::test {

struct RenderFixture {
  Types types;
  Image memory;
  format::RenderLimits limits;
  format::SymbolLookup symbols;
  event::Storage storage;

  const event::Value* RenderFlat(const v1::Node& node, const std::string& spec = "") {
    event::Value* value = storage.NewValue();
    format::RenderValue(node, types.table, memory.image, limits, spec, symbols, value, &storage.text());
    return value;
  }
  v1::Value Render(const v1::Node& node, const std::string& spec = "") {
    v1::Value value;
    event::ToProto(*RenderFlat(node, spec), &value);
    return value;
  }

  // "7", or with a status: "{1, ...} (truncated: 1/5)".
  static std::string Line(const v1::Value& value) {
    if (value.status() == v1::STATUS_OK) return value.text();
    return value.text() + " (" + std::string(format::StatusName(value.status())) + ": " + value.reason() + ")";
  }
  std::string Show(const v1::Node& node, const std::string& spec = "") { return Line(Render(node, spec)); }
  std::string Json(const v1::Node& node) {
    event::Text out;
    format::AppendValueJson(*RenderFlat(node), format::ValuePlace::kExpression, &out);
    return std::string(out.view());
  }

  // {data, size} as in std::string, std::string_view (size first) or a span.
  uint32_t Counted(v1::Shape::Kind kind, const std::string& name, uint32_t element, uint64_t data_offset,
                   uint64_t size_offset, uint64_t size = 16) {
    const uint32_t type = types.Add(v1::TYPE_STRUCT, size, name);
    v1::Shape* shape = types.at(type)->mutable_shape();
    shape->set_kind(kind);
    shape->set_element(element);
    *shape->mutable_data() = SelfWord(data_offset);
    *shape->mutable_size() = SelfWord(size_offset);
    return type;
  }
  uint32_t String() { return Counted(v1::Shape::STRING, "std::string", types.Char(), 0, 8, 32); }
  uint32_t StringView() { return Counted(v1::Shape::STRING, "std::string_view", types.Char(), 8, 0, 16); }

  // {begin, end, capacity}
  uint32_t Vector(uint32_t element, const std::string& name) {
    const uint32_t type = types.Add(v1::TYPE_STRUCT, 24, name);
    v1::Shape* shape = types.at(type)->mutable_shape();
    shape->set_kind(v1::Shape::SEQUENCE);
    shape->set_element(element);
    *shape->mutable_data() = SelfWord(0);
    *shape->mutable_end() = SelfWord(8);
    return type;
  }
  // {value, bool engaged}
  uint32_t Optional(uint32_t element, uint64_t element_size, const std::string& name) {
    const uint32_t type = types.Add(v1::TYPE_STRUCT, element_size * 2, name);
    v1::Shape* shape = types.at(type)->mutable_shape();
    shape->set_kind(v1::Shape::OPTIONAL);
    shape->set_element(element);
    *shape->mutable_data() = Self();
    *shape->mutable_engaged() = Memory(types.Bool(), Binary(0, v1::OP_ADD, Self(), Word(element_size)));
    return type;
  }
  uint32_t UniquePtr(uint32_t element, const std::string& name) {
    const uint32_t type = types.Add(v1::TYPE_STRUCT, 8, name);
    v1::Shape* shape = types.at(type)->mutable_shape();
    shape->set_kind(v1::Shape::POINTER);
    shape->set_element(element);
    *shape->mutable_data() = SelfWord(0);
    return type;
  }
  void PutVector(uint64_t address, uint64_t begin, uint64_t end) {
    memory.PutAll<uint64_t>(address, {begin, end, end});
  }
};

}  // namespace dlog::test
