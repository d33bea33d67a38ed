// SPDX-License-Identifier: Apache-2.0
//
// Expressions over this test program's own variables and literals, bound through its own DWARF, against what the
// compiler makes of the same text.
#include <cstdint>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#include "daemon/pipeline/evaluator.h"
#include "symbolizer/base/status_hint.h"
#include "symbolizer/dwarf/nodes.h"
#include "symbolizer/dwarf/unit_index.h"
#include "symbolizer/expr/ast.h"
#include "symbolizer/plan/binder.h"
#include "symbolizer/plan/capture_compiler.h"
#include "symbolizer/plan/conversions.h"
#include "symbolizer/plan/nodes.h"
#include "symbolizer/visualizers/catalog.h"
#include "test/catch.h"

namespace plan_test {
enum class Color : uint8_t { kRed = 1, kBlue = 4 };
int g_counter = -7;
unsigned g_unsigned = 3;
int16_t g_short = -2;
uint64_t g_big = 0x8000000000000001ull;
double g_double = 2.5;
float g_float = -0.25f;
bool g_flag = true;
char g_char = 'x';
Color g_color = Color::kBlue;
int g_array[4] = {10, 20, 30, 40};
int* g_pointer = &g_array[1];
struct Bits {
  unsigned low : 3;
  int high : 5;
} g_bits = {5, -3};
struct Pair {
  int first;
  long second;
} g_pair = {11, -12};
Pair* g_pair_pointer = &g_pair;
char g_characters[] = "middle\xff";
std::string_view g_view = g_characters;
char g_name[8] = "abc";
char g_full[3] = {'a', 'b', 'c'};
const char* g_text = g_name;

__attribute__((noinline)) int Anchor(int amount) {
  asm volatile("" : : "r"(amount) : "memory");
  return amount + g_counter;
}

// The compiler leaves the definition of std::runtime_error to the library that has its vtable.
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
  __attribute__((noinline)) int Code() const {
    asm volatile("" : : "r"(this) : "memory");
    return code;
  }
  int code = 3;
};
int g_code = Failure("test").Code();
}  // namespace plan_test

namespace dlog::plan {
namespace {

using namespace plan_test;  // NOLINT(google-build-using-namespace): the same texts are looked up from inside it

// The program's own debug information.
struct Self {
  explicit Self(const std::string& function = "plan_test::Anchor") {
    auto opened = dwarf::Module::Open("/proc/self/exe", {});
    if (!opened.ok()) FAIL(opened.status().ToString());
    module = *std::move(opened);
    auto functions = dwarf::FunctionsNamed(*module, function);
    if (!functions.ok() || functions->empty()) FAIL(function << " has no debug information");
    entry = functions->front().entry;
    auto found = dwarf::FunctionAt(*module, functions->front().unit, entry);
    if (!found.ok()) FAIL(found.status().ToString());
    scope = *std::move(found);
  }
  std::unique_ptr<dwarf::Module> module;
  dwarf::FunctionScope scope;
  LinkAddress entry;
};

Self& TheProgram() {
  static Self self;
  return self;
}

struct Bound {
  google::protobuf::RepeatedPtrField<v1::Type> table;
  absl::StatusOr<v1::Node> node = absl::InternalError("not bound");
};

std::unique_ptr<Bound> BindText(const std::string& text, const Self& self = TheProgram()) {
  auto bound = std::make_unique<Bound>();
  auto ast = expr::ParseExpression(text);
  if (!ast.ok()) {
    bound->node = ast.status();
    return bound;
  }
  dwarf::TypeGraph types(*self.module, &bound->table);
  auto catalog = visualizers::Catalog::BuiltIn();
  REQUIRE(catalog.ok());
  Shaper shaper(*catalog, &types);
  Binder binder(*self.module, self.scope, {self.entry, self.entry}, 0, &types, &shaper);
  bound->node = binder.Bind(**ast, text);
  return bound;
}

// This process's memory as the image, with rip such that globals are found.
void FillImage(pipeline::MemoryImage* image) {
  image->Clear();
  image->SetRegister(16, reinterpret_cast<uint64_t>(&plan_test::Anchor));
  const auto add = [&](const auto& object) {
    // NOLINTNEXTLINE(bugprone-sizeof-expression): the pointers themselves are captured
    image->AddSegment(reinterpret_cast<uint64_t>(&object), {reinterpret_cast<const uint8_t*>(&object), sizeof(object)});
  };
  add(g_counter), add(g_unsigned), add(g_short), add(g_big), add(g_double), add(g_float), add(g_flag), add(g_char);
  add(g_color), add(g_array), add(g_pointer), add(g_bits), add(g_pair), add(g_pair_pointer);
  add(g_view), add(g_name), add(g_full), add(g_text), add(g_characters);
  image->Seal();
}

template <typename T>
void CheckValue(const std::string& text, T expected) {
  INFO(text);
  auto bound = BindText(text);
  INFO(bound->node.status().ToString());
  REQUIRE(bound->node.ok());
  pipeline::MemoryImage image;
  FillImage(&image);
  const pipeline::Object object = pipeline::Evaluate(*bound->node, bound->table, image);
  INFO(object.reason);
  REQUIRE(object.status == v1::STATUS_OK);
  const v1::Type& type = bound->table.Get(static_cast<int>(object.type));
  INFO("type " << type.name());
  CHECK(type.size() == sizeof(T));
  if constexpr (std::is_floating_point_v<T>) {
    CHECK(type.kind() == v1::TYPE_FLOAT);
    T value;
    REQUIRE(image.RunAt(object.address, 0).empty());
    if (object.in_memory) {
      REQUIRE(image.Read(object.address, &value, sizeof(value)).ok());
    } else {
      std::memcpy(&value, object.bytes.data(), sizeof(value));
    }
    CHECK(value == expected);
  } else {
    uint64_t word = 0;
    v1::ValueStatus status;
    std::string reason;
    REQUIRE(pipeline::ReadScalar(object, bound->table, image, &word, &status, &reason));
    CHECK(word == static_cast<uint64_t>(static_cast<int64_t>(expected)));
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
      CHECK((type.kind() == v1::TYPE_UNSIGNED) == std::is_unsigned_v<T>);
    }
  }
}

// The same text for dlog and for the compiler.
#define SAME(expression) CheckValue(#expression, (expression))

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wparentheses"

TEST_CASE("The pointer this is bound without a search through all units for what its class is made of") {
  const Self self("plan_test::Failure::Code");
  REQUIRE(BindText("this", self)->node.ok());
  CHECK_FALSE(self.module->cache().named_types_built);
  REQUIRE(BindText("this->code", self)->node.ok());  // its place depends on the size of the base
  CHECK(self.module->cache().named_types_built);     // so that the above could fail
}

TEST_CASE("literals and operators follow the compiler's types and values") {
  SAME(1 + 2 * 3);
  SAME(7 / 2);
  SAME(-7 / 2);
  SAME(-7 % 3);
  SAME(1 - 2u);
  SAME(-1 < 1u);
  SAME(-1 < 1);
  SAME(1 << 4 | 3);
  SAME(0xff ^ 0x0f);
  SAME(~5u);
  SAME(-5 >> 1);
  SAME(4294967295u + 1);
  SAME(4294967295u + 1l);
  SAME(!0 && (2 > 1 || 1 / 1));
  SAME(1.5 * 2);
  SAME(1 / 4.0);
  SAME(1.5f + 1);
  SAME('a' + 1);
  SAME(true + true);
  SAME(2 == 2.0);
}

TEST_CASE("variables keep their types through promotions and conversions") {
  SAME(g_counter + g_unsigned);
  SAME(g_counter < g_unsigned);
  SAME(g_short * 2);
  SAME(g_short + g_unsigned);
  SAME(g_big > 5);
  SAME(g_big / 3);
  SAME(g_double * g_counter);
  SAME(g_float + g_double);
  SAME(g_float * 2);
  SAME(g_flag + 1);
  SAME(-g_short);
  SAME(!g_counter);
  SAME(g_char == 'x');
  SAME(g_double > 2 && g_counter < 0);
  SAME(~g_short);
  SAME(g_bits.low + g_bits.high);
  SAME(g_bits.high < 0);
}

TEST_CASE("members, elements and pointers") {
  SAME(g_array[2]);
  SAME(g_array[g_unsigned]);
  SAME(*g_pointer);
  SAME(g_pointer[1]);
  SAME(*(g_pointer + 2));
  SAME(g_pointer - g_array);
  SAME(g_pair.second);
  SAME(g_pair_pointer->first);
  SAME((*g_pair_pointer).second - 1);
  SAME(&g_pair == g_pair_pointer);
  SAME(g_pointer != nullptr);
  SAME(*&g_counter);
  SAME(g_color == Color::kBlue);
}

TEST_CASE("texts are compared and ordered as their own type does") {
  SAME(g_view == "middle\xff");
  SAME(g_view == "middle");
  SAME(g_view != "middle");
  SAME(g_view < "middle");
  SAME(g_view < "middle\xff");
  SAME(g_view <= "middle\xff");
  SAME(g_view > "middle\x7f");
  SAME(g_view < "middlf");
  SAME(g_view >= "middlf");
  SAME(g_view > "midd");
  SAME(g_view < "middle\xff and more");
  SAME(g_view > "");
  SAME(g_view <= "");
  SAME("a" < g_view);
  SAME("n" <= g_view);
  SAME("middle" >= g_view);
}
#pragma GCC diagnostic pop

TEST_CASE("C strings are ordered up to their NUL, arrays up to their end") {
  for (const char* const name : {"g_name", "g_text", "g_full"}) {
    for (const char* const literal : {"", "a", "ab", "abb", "abc", "abcd", "abd", "b"}) {
      const int order = std::string_view("abc").compare(literal);
      const auto check = [&](const char* op, bool expected) {
        CheckValue(std::string(name) + " " + op + " \"" + literal + "\"", expected);
      };
      check("==", order == 0);
      check("!=", order != 0);
      check("<", order < 0);
      check("<=", order <= 0);
      check(">", order > 0);
      check(">=", order >= 0);
    }
  }
}

TEST_CASE("a literal that is too long to be ordered is refused") {
  CHECK(absl::IsInvalidArgument(BindText("g_view < \"seventeen letters\"")->node.status()));
}

TEST_CASE("an index outside an array is an error, not a value") {
  auto bound = BindText("g_array[g_unsigned + 1]");
  REQUIRE(bound->node.ok());
  pipeline::MemoryImage image;
  FillImage(&image);
  const pipeline::Object object = pipeline::Evaluate(*bound->node, bound->table, image);
  CHECK(object.status == v1::STATUS_ERROR);
  CHECK(object.reason.find("out of range") != std::string::npos);
}

TEST_CASE("an unknown name tells the near misses and marks the place") {
  auto bound = BindText("1 + amuont");
  REQUIRE(absl::IsNotFound(bound->node.status()));
  CHECK(std::string(bound->node.status().message()).find("\n      ^") != std::string::npos);
  CHECK(HintOf(bound->node.status()).find("amount") != std::string::npos);

  bound = BindText("g_pair.frist");
  REQUIRE(absl::IsNotFound(bound->node.status()));
  CHECK(HintOf(bound->node.status()).find("first") != std::string::npos);
}

TEST_CASE("the hit's own ids are integers that can be computed with") {
  for (const auto& [text, expected] : {std::pair("$pid * 2", 22u), {"$tid - 1", 6u}, {"$tid < $pid", 1u}}) {
    INFO(text);
    auto bound = BindText(text);
    REQUIRE(bound->node.ok());
    pipeline::MemoryImage image;
    image.SetRegister(18, uint64_t{11} << 32 | 7);
    image.Seal();
    const pipeline::Object object = pipeline::Evaluate(*bound->node, bound->table, image);
    REQUIRE(object.status == v1::STATUS_OK);
    uint64_t word = 0;
    v1::ValueStatus status;
    std::string reason;
    REQUIRE(pipeline::ReadScalar(object, bound->table, image, &word, &status, &reason));
    CHECK(word == expected);
  }
  CHECK(absl::IsInvalidArgument(BindText("$comm == $time")->node.status()));
  CHECK(absl::IsNotFound(BindText("$other")->node.status()));
}

TEST_CASE("a member of a pointer is refused with what to write") {
  CHECK(HintOf(BindText("1 + g_pair_pointer.first")->node.status()) == "write g_pair_pointer->first");
}

TEST_CASE("operands that do not fit are refused with the place") {
  for (const char* text : {"g_pair + 1", "g_counter.first", "*g_counter", "g_double % 2", "g_pair_pointer.first",
                           "g_array[g_double]", "&5", "g_pointer == 7", "~g_double"}) {
    INFO(text);
    auto bound = BindText(text);
    REQUIRE(absl::IsInvalidArgument(bound->node.status()));
    CHECK(std::string(bound->node.status().message()).find('^') != std::string::npos);
  }
}

TEST_CASE("what the kernel cannot compute in a condition is said, not guessed") {
  Self& self = TheProgram();
  google::protobuf::RepeatedPtrField<v1::Type> table;
  dwarf::TypeGraph types(*self.module, &table);
  auto catalog = visualizers::Catalog::BuiltIn();
  REQUIRE(catalog.ok());
  Shaper shaper(*catalog, &types);
  Binder binder(*self.module, self.scope, {self.entry, self.entry}, 0, &types, &shaper);
  const auto condition = [&](const std::string& text) {
    auto ast = expr::ParseExpression(text);
    REQUIRE(ast.ok());
    auto node = binder.Bind(**ast, text);
    REQUIRE(node.ok());
    CaptureCompiler compiler(&types, &shaper, {}, {});
    return compiler.SetCondition(Converted(types, *node, Fundamental(&types, "bool")));
  };
  CHECK(condition("g_double > 100").ok());
  CHECK(condition("g_float < 1.5 && g_counter != 3").ok());
  CHECK(absl::IsUnimplemented(condition("g_double * 2 > 100")));
  CHECK(absl::IsUnimplemented(condition("g_double > g_counter")));
}

TEST_CASE("neighbouring bytes of several expressions are read at once") {
  Self& self = TheProgram();
  google::protobuf::RepeatedPtrField<v1::Type> table;
  dwarf::TypeGraph types(*self.module, &table);
  auto catalog = visualizers::Catalog::BuiltIn();
  REQUIRE(catalog.ok());
  Shaper shaper(*catalog, &types);
  CaptureCompiler compiler(&types, &shaper, {}, {});
  const uint32_t number = Fundamental(&types, "long");
  v1::Node frame;
  frame.set_reg(7);
  const auto slot = [&](int64_t offset) { return MemoryObject(AddOffset(frame, offset), number); };
  REQUIRE(compiler.AddValue(slot(8)).ok());
  REQUIRE(compiler.AddValue(slot(24)).ok());
  REQUIRE(compiler.AddValue(slot(16)).ok());
  REQUIRE(compiler.AddValue(slot(8)).ok());
  REQUIRE(compiler.AddValue(slot(4096)).ok());
  const v1::CapturePlan plan = compiler.Finish();
  REQUIRE(plan.ops_size() == 2);
  CHECK(plan.ops(0).offset() == 8);
  CHECK(plan.ops(0).length() == 24);
  CHECK(plan.ops(1).offset() == 4096);
  CHECK(plan.ops(1).length() == 8);
}

// Of captures that no program is needed for: words relative to the stack pointer.
struct WordCapture {
  WordCapture() : types(*TheProgram().module, &table), catalog(visualizers::Catalog::BuiltIn()) {
    REQUIRE(catalog.ok());
    shaper = std::make_unique<Shaper>(*catalog, &types);
    compiler = std::make_unique<CaptureCompiler>(&types, shaper.get(), CaptureLimits{}, LinkAddress{});
    stack.set_reg(7);
  }
  v1::Node At(const v1::Node& base, int64_t offset) {
    return MemoryObject(AddOffset(base, offset), Fundamental(&types, "long"));
  }
  google::protobuf::RepeatedPtrField<v1::Type> table;
  dwarf::TypeGraph types;
  absl::StatusOr<visualizers::Catalog> catalog;
  std::unique_ptr<Shaper> shaper;
  std::unique_ptr<CaptureCompiler> compiler;
  v1::Node stack;
};

TEST_CASE("a long way over pointers needs few cells") {
  constexpr int kPointers = 80;
  WordCapture capture;
  v1::Node node = capture.stack;
  for (int i = 0; i < kPointers; ++i) node = capture.At(node, 8);
  CHECK(capture.compiler->AddValue(node).ok());
}

TEST_CASE("an expression that cannot be captured takes no room, and one without room is told") {
  WordCapture capture;
  REQUIRE(capture.compiler->AddValue(capture.At(capture.At(capture.stack, 8), 0)).ok());
  v1::Node nowhere;
  nowhere.set_unavailable("optimized out");
  const v1::Node sum = dwarf::BinaryNode(v1::OP_ADD, capture.At(capture.At(capture.stack, 16), 0), nowhere);
  CHECK(absl::IsFailedPrecondition(capture.compiler->AddValue(capture.At(sum, 0))));
  CHECK(capture.compiler->Finish().ops_size() == 2);

  constexpr int kTooMany = 5000;
  WordCapture full;
  absl::Status status;
  for (int i = 0; i < kTooMany && status.ok(); ++i) {
    status = full.compiler->AddValue(full.At(full.stack, 4096 * i));
  }
  CHECK(absl::IsResourceExhausted(status));
  CHECK_THAT(std::string(status.message()), ContainsText("fill the logpoint's plan"));
}

}  // namespace
}  // namespace dlog::plan
