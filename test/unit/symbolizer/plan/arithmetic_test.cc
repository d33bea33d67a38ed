// SPDX-License-Identifier: Apache-2.0
//
// Every operator on every pair of arithmetic types, against what the compiler makes of the same operands: type, value,
// and what is undefined. Bound through this program's own debug information; run by the evaluator, and as a condition
// by the kernel's interpreter.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>

#include "daemon/attach/plan_assembler.h"
#include "daemon/pipeline/evaluator.h"
#include "symbolizer/expr/ast.h"
#include "symbolizer/plan/binder.h"
#include "symbolizer/plan/capture_compiler.h"
#include "symbolizer/plan/conversions.h"
#include "symbolizer/visualizers/catalog.h"
#include "test/bpf/host_interpreter.h"
#include "test/catch.h"

namespace arithmetic_test {
bool b;
char c;
int8_t i8;
uint8_t u8;
int16_t i16;
uint16_t u16;
int32_t i32;
uint32_t u32;
int64_t i64;
uint64_t u64;
float f;
double d;

__attribute__((noinline)) int Anchor(int amount) {
  asm volatile("" : : "r"(amount) : "memory");
  return amount + i32;
}
}  // namespace arithmetic_test

namespace dlog::plan {
namespace {

using namespace arithmetic_test;  // NOLINT: their names are those of the expressions

constexpr const char* kNames[] = {"b", "c", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "f", "d"};
auto Variables() { return std::tie(b, c, i8, u8, i16, u16, i32, u32, i64, u64, f, d); }

struct Program {
  Program() {
    auto opened = dwarf::Module::Open("/proc/self/exe", {});
    REQUIRE(opened.ok());
    module = *std::move(opened);
    auto functions = dwarf::FunctionsNamed(*module, "arithmetic_test::Anchor");
    REQUIRE((functions.ok() && !functions->empty()));
    entry = functions->front().entry;
    auto found = dwarf::FunctionAt(*module, functions->front().unit, entry);
    REQUIRE(found.ok());
    scope = *std::move(found);
    auto built_in = visualizers::Catalog::BuiltIn();
    REQUIRE(built_in.ok());
    catalog = *std::move(built_in);
  }
  std::unique_ptr<dwarf::Module> module;
  dwarf::FunctionScope scope;
  LinkAddress entry;
  visualizers::Catalog catalog;
};

Program& TheProgram() {
  static Program program;
  return program;
}

// Bound once for each text; evaluated for many values.
struct Bound {
  google::protobuf::RepeatedPtrField<v1::Type> table;
  v1::Node node;
  attach::AssembledPlan condition;
  bool in_kernel = false;
};

Bound& BindText(const std::string& text) {
  static std::map<std::string, std::unique_ptr<Bound>> known;
  std::unique_ptr<Bound>& bound = known[text];
  if (bound != nullptr) return *bound;
  bound = std::make_unique<Bound>();
  Program& program = TheProgram();
  auto ast = expr::ParseExpression(text);
  REQUIRE(ast.ok());
  dwarf::TypeGraph types(*program.module, &bound->table);
  Shaper shaper(program.catalog, &types);
  Binder binder(*program.module, program.scope, {program.entry, program.entry}, 0, &types, &shaper);
  auto node = binder.Bind(**ast, text);
  INFO(node.status().ToString());
  REQUIRE(node.ok());
  bound->node = *node;
  CaptureCompiler compiler(&types, &shaper, {});
  if (compiler.SetCondition(Converted(types, *node, Fundamental(&types, "bool"))).ok()) {
    auto assembled = attach::AssemblePlan(compiler.Finish());
    REQUIRE(assembled.ok());
    bound->condition = *std::move(assembled);
    bound->in_kernel = true;
  }
  return *bound;
}

template <typename T>
void AddVariable(const T& variable, pipeline::MemoryImage* image, test::FakeMemory* memory) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(&variable);
  image->AddSegment(reinterpret_cast<uint64_t>(&variable), {bytes, sizeof(variable)});
  memory->Map(reinterpret_cast<uint64_t>(&variable), std::vector<uint8_t>(bytes, bytes + sizeof(variable)));
}

// What the interpreter says about the condition: 1 true, 2 false, 3 no value.
uint32_t Decide(const Bound& bound, test::HostInterpreter* run) {
  run->condition = bound.condition.ops;
  run->registers[16] = reinterpret_cast<uint64_t>(&arithmetic_test::Anchor);
  return run->RunCondition();
}

// `expected` is null where C++ leaves the behaviour undefined.
template <typename T>
void Check(const std::string& text, const T* expected) {
  Bound& bound = BindText(text);
  pipeline::MemoryImage image;
  image.SetRegister(16, reinterpret_cast<uint64_t>(&arithmetic_test::Anchor));
  test::HostInterpreter run;
  std::apply([&](auto&... variable) { (AddVariable(variable, &image, &run.memory), ...); }, Variables());
  image.Seal();
  const pipeline::Object object = pipeline::Evaluate(bound.node, bound.table, image);
  pipeline::Scalar value;
  v1::ValueStatus status = v1::STATUS_OK;
  std::string reason;
  const bool has_value = pipeline::LoadScalar(object, bound.table, image, &value, &status, &reason);
  INFO(text << " " << reason);
  REQUIRE(has_value == (expected != nullptr));
  if (has_value) {
    const v1::Type& type = bound.table.Get(static_cast<int>(object.type));
    REQUIRE(type.size() == sizeof(T));
    REQUIRE((type.kind() == v1::TYPE_FLOAT) == std::is_floating_point_v<T>);
    if constexpr (std::is_floating_point_v<T>) {
      REQUIRE((value.real == static_cast<long double>(*expected) || (std::isnan(*expected) && std::isnan(value.real))));
    } else {
      REQUIRE(IsSignedInteger(type) == std::is_signed_v<T>);
      REQUIRE(static_cast<T>(value.bits) == *expected);
    }
  }
  if (bound.in_kernel) REQUIRE(Decide(bound, &run) == (!has_value ? 3u : *expected != T{} ? 1u : 2u));
}

template <typename T>
constexpr bool kSignedInteger = std::is_integral_v<T>&& std::is_signed_v<T>;

// The compiler's own arithmetic on values a and b; undefined where the checked form says so.
template <typename A, typename B>
void CheckPair(const std::string& left, const std::string& right, A a, B b_value) {
  using Common = decltype(a + b_value);
  const auto x = static_cast<Common>(a);        // NOLINT(bugprone-signed-char-misuse): the sign is to be carried over
  const auto y = static_cast<Common>(b_value);  // NOLINT(bugprone-signed-char-misuse)
  Common sum{}, difference{}, product{};
  bool sum_ok = true, difference_ok = true, product_ok = true;
  if constexpr (std::is_integral_v<Common>) {
    // Unsigned arithmetic wraps and is always defined.
    sum_ok = !__builtin_add_overflow(x, y, &sum) || !kSignedInteger<Common>;
    difference_ok = !__builtin_sub_overflow(x, y, &difference) || !kSignedInteger<Common>;
    product_ok = !__builtin_mul_overflow(x, y, &product) || !kSignedInteger<Common>;
  } else {
    sum = x + y;
    difference = x - y;
    product = x * y;
  }
  Check<Common>(left + " + " + right, sum_ok ? &sum : nullptr);
  Check<Common>(left + " - " + right, difference_ok ? &difference : nullptr);
  Check<Common>(left + " * " + right, product_ok ? &product : nullptr);
  const auto compare = [&](const char* op, bool expected) { Check<bool>(left + op + right, &expected); };
  compare(" == ", x == y);
  compare(" != ", x != y);
  compare(" < ", x < y);
  compare(" <= ", x <= y);
  compare(" > ", x > y);
  compare(" >= ", x >= y);
  compare(" && ", a != A{} && b_value != B{});
  compare(" || ", a != A{} || b_value != B{});
  if constexpr (std::is_integral_v<Common>) {
    bool divides = y != 0;
    if constexpr (kSignedInteger<Common>) divides = divides && !(x == std::numeric_limits<Common>::min() && y == -1);
    const Common quotient = divides ? x / y : Common{};
    const Common remainder = divides ? x % y : Common{};
    Check<Common>(left + " / " + right, divides ? &quotient : nullptr);
    Check<Common>(left + " % " + right, divides ? &remainder : nullptr);
    const auto bits_and = static_cast<Common>(x & y);
    const auto bits_or = static_cast<Common>(x | y);
    const auto bits_xor = static_cast<Common>(x ^ y);
    Check<Common>(left + " & " + right, &bits_and);
    Check<Common>(left + " | " + right, &bits_or);
    Check<Common>(left + " ^ " + right, &bits_xor);
  }
}

// Values at the edges of a type.
template <typename T>
std::vector<T> Edges() {
  if constexpr (std::is_same_v<T, bool>) return {false, true};
  if constexpr (std::is_floating_point_v<T>) return {T(0), T(-1.5), T(3), T(1e10)};
  std::vector<T> edges = {T(0), T(1), T(7), std::numeric_limits<T>::max()};
  if constexpr (std::is_signed_v<T>) {
    edges.push_back(T(-1));
    edges.push_back(std::numeric_limits<T>::min());
  }
  return edges;
}

template <size_t left, size_t right>
void CheckTypes() {
  auto variables = Variables();
  auto& a = std::get<left>(variables);
  auto& other = std::get<right>(variables);
  using A = std::remove_reference_t<decltype(a)>;
  using B = std::remove_reference_t<decltype(other)>;
  for (const A x : Edges<A>()) {
    for (const B y : Edges<B>()) {
      a = x;
      if constexpr (left == right) {
        if (x != y) continue;  // one variable
      }
      other = y;
      CheckPair(kNames[left], kNames[right], a, other);
    }
  }
}

template <size_t left, size_t... right>
void CheckRow(std::index_sequence<right...>) {
  (CheckTypes<left, right>(), ...);
}

template <size_t... left>
void CheckTable(std::index_sequence<left...> all) {
  (CheckRow<left>(all), ...);
}

}  // namespace

TEST_CASE("operators agree with the compiler on every pair of types") {
  CheckTable(std::make_index_sequence<std::size(kNames)>());
}

TEST_CASE("casts agree with the compiler") {
  for (const int64_t value : {int64_t{0}, int64_t{-1}, int64_t{300}, int64_t{-40000}, int64_t{5000000000}, INT64_MIN}) {
    i64 = value;
    const auto check = [](const std::string& type, auto expected) {
      Check<decltype(expected)>("(" + type + ")i64", &expected);
      Check<decltype(expected)>("static_cast<" + type + ">(i64)", &expected);
    };
    check("char", static_cast<char>(value));
    check("signed char", static_cast<signed char>(value));
    check("unsigned char", static_cast<unsigned char>(value));
    check("short", static_cast<short>(value));
    check("unsigned short", static_cast<unsigned short>(value));
    check("int", static_cast<int>(value));
    check("unsigned", static_cast<unsigned>(value));
    check("long long", static_cast<long long>(value));
    check("unsigned long", static_cast<unsigned long>(value));
    check("bool", static_cast<bool>(value));
    check("double", static_cast<double>(value));
    check("float", static_cast<float>(value));
    check("uint16_t", static_cast<uint16_t>(value));
  }
}

}  // namespace dlog::plan
