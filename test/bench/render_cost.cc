// SPDX-License-Identifier: Apache-2.0
//
// What it costs to turn one captured hit into JSON: 8 scalars, 2 strings and a vector of 10 structs. The batch is used
// again for each hit; counts what is allocated meanwhile.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "daemon/event/batch.h"
#include "daemon/format/event_json.h"
#include "daemon/format/template_renderer.h"
#include "daemon/format/value_renderer.h"
#include "daemon/pipeline/evaluator.h"

namespace {

uint64_t allocations = 0;

}  // namespace

__attribute__((noinline)) void* operator new(size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  std::abort();
}
__attribute__((noinline)) void operator delete(void* memory) noexcept { std::free(memory); }
__attribute__((noinline)) void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace dlog {
namespace {

constexpr uint64_t kObject = 0x1000;
constexpr uint64_t kElements = 0x2000;
constexpr uint64_t kTexts = 0x3000;
constexpr int kStructs = 10;

v1::Node Word(uint64_t value) {
  v1::Node node;
  node.set_constant(std::string(reinterpret_cast<const char*>(&value), sizeof(value)));
  return node;
}

v1::Node At(uint32_t type, uint64_t address) {
  v1::Node node;
  node.set_type(type);
  *node.mutable_memory() = Word(address);
  return node;
}

v1::Node SelfWord(uint64_t offset) {
  v1::Node node;
  v1::Binary* sum = node.mutable_memory()->mutable_binary();
  sum->set_op(v1::OP_ADD);
  sum->mutable_left()->set_self(true);
  *sum->mutable_right() = Word(offset);
  return node;
}

// The types and values of a small order: ints and doubles, two std::string, std::vector<Item>.
struct Hit {
  Hit() {
    types.Add()->set_name("void");
    integer = Scalar(v1::TYPE_SIGNED, 4, "int");
    real = Scalar(v1::TYPE_FLOAT, 8, "double");
    const uint32_t character = Scalar(v1::TYPE_CHAR, 1, "char");
    string = Struct(32, "std::string");
    SetShape(string, v1::Shape::STRING, character);
    *types.Mutable(static_cast<int>(string))->mutable_shape()->mutable_size() = SelfWord(8);
    item = Struct(24, "shop::Item");
    AddField(item, "id", integer, 0);
    AddField(item, "count", integer, 4);
    AddField(item, "price", real, 8);
    AddField(item, "weight", real, 16);
    vector = Struct(24, "std::vector<shop::Item>");
    SetShape(vector, v1::Shape::SEQUENCE, item);
    *types.Mutable(static_cast<int>(vector))->mutable_shape()->mutable_end() = SelfWord(8);
    bytes.resize(0x3000);
    for (int i = 0; i < 4; ++i) Put<int32_t>(kObject + 4 * static_cast<uint64_t>(i), 1000 + i);
    for (int i = 0; i < 4; ++i) Put<double>(kObject + 16 + 8 * static_cast<uint64_t>(i), 12.5 * i);
    for (int i = 0; i < kStructs; ++i) {
      const uint64_t at = kElements + 24 * static_cast<uint64_t>(i);
      Put<int32_t>(at, i);
      Put<int32_t>(at + 4, 2);
      Put<double>(at + 8, 9.95);
      Put<double>(at + 16, 0.25);
    }
    PutText(kObject + 64, kTexts, "order from the north");
    PutText(kObject + 96, kTexts + 64, "a comment that is a little longer than the other text");
    Put<uint64_t>(kObject + 128, kElements);
    Put<uint64_t>(kObject + 136, kElements + 24 * kStructs);
    for (int i = 0; i < 4; ++i) Show("o.i" + std::to_string(i), At(integer, kObject + 4 * static_cast<uint64_t>(i)));
    for (int i = 0; i < 4; ++i) Show("o.d" + std::to_string(i), At(real, kObject + 16 + 8 * static_cast<uint64_t>(i)));
    Show("o.customer", At(string, kObject + 64));
    Show("o.comment", At(string, kObject + 96));
    Show("o.items", At(vector, kObject + 128));
    parsed.add_literals("");
  }

  uint32_t Scalar(v1::TypeKind kind, uint64_t size, const std::string& name) {
    v1::Type* type = types.Add();
    type->set_kind(kind);
    type->set_size(size);
    type->set_name(name);
    return static_cast<uint32_t>(types.size() - 1);
  }
  uint32_t Struct(uint64_t size, const std::string& name) { return Scalar(v1::TYPE_STRUCT, size, name); }
  void SetShape(uint32_t type, v1::Shape::Kind kind, uint32_t element) {
    v1::Shape* shape = types.Mutable(static_cast<int>(type))->mutable_shape();
    shape->set_kind(kind);
    shape->set_element(element);
    *shape->mutable_data() = SelfWord(0);
  }
  void AddField(uint32_t type, const std::string& name, uint32_t of, uint64_t offset) {
    v1::Field* field = types.Mutable(static_cast<int>(type))->add_fields();
    field->set_name(name);
    field->set_type(of);
    field->set_offset(offset);
  }
  template <typename T>
  void Put(uint64_t address, T value) {
    std::memcpy(bytes.data() + (address - kObject), &value, sizeof(value));
  }
  void PutText(uint64_t address, uint64_t data, const std::string& text) {
    Put<uint64_t>(address, data);
    Put<uint64_t>(address + 8, text.size());
    std::memcpy(bytes.data() + (data - kObject), text.data(), text.size());
  }
  void Show(const std::string& text, v1::Node node) {
    parsed.add_literals(" ");
    parsed.add_expressions()->set_text(text);
    nodes.push_back(std::move(node));
  }

  void Render(event::Batch* batch) {
    image.Clear();
    const std::span<const uint8_t> all(bytes);
    image.AddSegment(kObject, all.subspan(0, 152));
    image.AddSegment(kElements, all.subspan(kElements - kObject, 24 * kStructs));
    image.AddSegment(kTexts, all.subspan(kTexts - kObject, 20));
    image.AddSegment(kTexts + 64, all.subspan(kTexts - kObject + 64, 64));
    image.Seal();
    batch->Clear();
    event::Event* event = batch->Add(batch->AddSource());
    event::Text& text = batch->storage().text();
    for (size_t i = 0; i < nodes.size(); ++i) {
      event::Value* value = event->values.Add(&batch->storage());
      value->refer_name(parsed.expressions(static_cast<int>(i)).text());
      format::RenderValue(nodes[i], types, image, limits, no_format, symbols, value, &text);
    }
    const size_t message = text.size();
    format::RenderTemplate(parsed, event->values, &text);
    event->message = text.view(message);
  }

  pipeline::TypeTable types;
  uint32_t integer, real, string, item, vector;
  std::vector<uint8_t> bytes;
  std::vector<v1::Node> nodes;
  v1::ParsedTemplate parsed;
  pipeline::MemoryImage image;
  format::RenderLimits limits;
  format::SymbolLookup symbols;
  std::string no_format;
};

void BM_RenderToJson(benchmark::State& state) {
  Hit hit;
  event::Batch batch;
  event::Text json;
  for (int i = 0; i < 10; ++i) hit.Render(&batch);
  allocations = 0;
  uint64_t rounds = 0;
  for (auto _ : state) {  // NOLINT(clang-analyzer-deadcode.DeadStores): the loop that the library asks for
    hit.Render(&batch);
    json.clear();
    format::AppendEventJson(batch.events().front(), &json);
    benchmark::DoNotOptimize(json.data());
    ++rounds;
  }
  state.counters["allocations"] = static_cast<double>(allocations) / static_cast<double>(rounds);
  state.counters["json_bytes"] = static_cast<double>(json.size());
}
BENCHMARK(BM_RenderToJson)->Unit(benchmark::kMicrosecond);

void BM_RenderOnly(benchmark::State& state) {
  Hit hit;
  event::Batch batch;
  for (auto _ : state) hit.Render(&batch);  // NOLINT(clang-analyzer-deadcode.DeadStores): as above
}
BENCHMARK(BM_RenderOnly)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace dlog

BENCHMARK_MAIN();
