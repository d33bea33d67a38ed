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

enum Small : uint8_t { kOne = 1, kMost = 255 };
enum Plain { kNegative = -5, kPositive = 5 };
enum class Wide : int64_t { kLow = INT64_MIN, kHigh = INT64_MAX };
struct Fields {
  unsigned a : 3;
  int s : 5;
  long c : 40;
  unsigned long g : 40;
  bool e : 1;
  unsigned w : 32;
  Small small : 8;
};
Fields fields;
Small small;
Plain plain;
Wide wide;
wchar_t wc;
using Own = wchar_t;
Own own_wc;

char8_t c8;
char16_t c16;
char32_t c32;
long long ll;
unsigned long long ull;

__attribute__((noinline)) int Anchor(int amount) {
  asm volatile("" : : "r"(amount) : "memory");
  return amount + i32;
}
}  // namespace arithmetic_test

namespace dlog::plan {
namespace {

using namespace arithmetic_test;  // NOLINT: their names are those of the expressions

constexpr const char* kNames[] = {"b", "c", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "f", "d"};
// The first ones are called as kNames says.
auto Variables() {
  return std::tie(b, c, i8, u8, i16, u16, i32, u32, i64, u64, f, d, fields, small, plain, wide, wc, own_wc, c8, c16,
                  c32, ll, ull);
}

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
  CaptureCompiler compiler(&types, &shaper, {}, program.entry);
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

// The result has the type of the promoted left operand.
template <typename A, typename B>
void CheckShifts(const std::string& left, const std::string& right, A a, B count) {
  using Promoted = decltype(+a);
  const bool fits = count >= B{} && static_cast<uint64_t>(count) < 8 * sizeof(Promoted);
  const Promoted up = fits ? static_cast<Promoted>(static_cast<Promoted>(a) << count) : Promoted{};
  const Promoted down = fits ? static_cast<Promoted>(static_cast<Promoted>(a) >> count) : Promoted{};
  Check<Promoted>(left + " << " + right, fits ? &up : nullptr);
  Check<Promoted>(left + " >> " + right, fits ? &down : nullptr);
}

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
    CheckShifts(left, right, a, b_value);
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

// What compilers warn of is what has to be the same.
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wparentheses"
#pragma GCC diagnostic ignored "-Wbool-operation"

// The text as an expression of dlog's against the same text as one of the compiler's.
#define AGREES(expression)                                                  \
  do {                                                                      \
    const auto expected = (expression);                                     \
    Check<std::remove_const_t<decltype(expected)>>(#expression, &expected); \
  } while (false)

void CheckPromotions() {
  AGREES(fields.a - 1 < 0);
  AGREES(fields.a - 7);
  AGREES(fields.a << 28);
  AGREES(-fields.a);
  AGREES(~fields.a);
  AGREES(fields.s * 3);
  AGREES(fields.s >> 1);
  AGREES(fields.s < fields.a);
  AGREES(fields.c + 1);
  AGREES(fields.c / 3);
  AGREES(fields.e + fields.e);
  AGREES(-fields.e);
  AGREES(fields.w + 1 > 0);
  AGREES(fields.w > -1);
  AGREES(fields.small + 1);
  AGREES(small + 1);
  AGREES(small == kMost);
  AGREES(small << 8);
  AGREES(plain * 2);
  AGREES(plain < 0);
  AGREES(plain == kNegative);
  AGREES(wide == Wide::kHigh);
  AGREES(wide < Wide::kHigh);
  AGREES(static_cast<int64_t>(wide));
  AGREES(static_cast<int>(small) - 300);
  AGREES(wc + 1);
  AGREES(wc < 0);
  AGREES(wc == -3L);
  AGREES(wc + 1L);
  AGREES(wc * 0.5);
  AGREES((long)wc);
  AGREES(own_wc - 5 < 0);
  AGREES(own_wc + 1L);
  AGREES(c8 + 1);
  AGREES(c8 << 4);
  AGREES(c16 - 1);
  AGREES(c16 * 2 == 2);
  AGREES(c32 + 1);
  AGREES(-c32);
  AGREES(ll / 3);
  AGREES(ll % 7);
  AGREES(ll + ull);
  AGREES(ull - 1);
  AGREES(ull / 3);
  AGREES(ull >> 1);
  AGREES(ull > ll);
  AGREES(+c);
  AGREES(-i8);
  AGREES(~u16);
  AGREES(-u32);
  AGREES(!u64);
  AGREES(~u64);
  AGREES(!d);
  AGREES(-f);
  AGREES(f * 2);
  AGREES(d / 3);
  AGREES(f + d);
  AGREES(i32 + 1.5f);
  AGREES(u64 * 0.5);
  AGREES(b + b);
  AGREES(b == true);
  AGREES(i32 / 3 * 3 + i32 % 3);
  AGREES((i16 & 0xff) | u8 << 8);
  AGREES(i32 > 0 && u32 > 1u || !b);
  AGREES(i8 == u8);  // NOLINT(bugprone-signed-char-misuse): what is compared
  AGREES(static_cast<unsigned char>(i8) == u8);
  AGREES((short)(u16 + 1));
  AGREES((bool)(i32 & 4));
  AGREES((int)d);
  AGREES((float)i64);
}

TEST_CASE("operands of every kind are promoted as the compiler does") {
  for (const int64_t value : {int64_t{0}, int64_t{1}, int64_t{5}, int64_t{-3}, int64_t{127}, int64_t{-128},
                              int64_t{255}, int64_t{30000}, int64_t{-30001}}) {
    const auto bits = static_cast<uint64_t>(value);
    fields = {static_cast<unsigned>(bits & 7),
              static_cast<int>(value % 16),
              static_cast<long>(value * 1000003),
              bits & 0xffffffffff,
              (bits & 1) != 0,
              static_cast<unsigned>(bits),
              static_cast<Small>(bits & 0xff)};
    small = static_cast<Small>(bits & 0xff);
    plain = value < 0 ? kNegative : kPositive;
    wide = value < 0 ? Wide::kLow : Wide::kHigh;
    wc = static_cast<wchar_t>(value);
    own_wc = wc;
    c8 = static_cast<char8_t>(bits);
    c16 = static_cast<char16_t>(bits);
    c32 = static_cast<char32_t>(bits);
    ll = value * 1000000007;
    ull = static_cast<unsigned long long>(ll);
    b = (bits & 1) != 0;
    c = static_cast<char>(value);
    i8 = static_cast<int8_t>(value);
    u8 = static_cast<uint8_t>(bits);
    i16 = static_cast<int16_t>(value);
    u16 = static_cast<uint16_t>(bits);
    i32 = static_cast<int32_t>(value * 65537);
    u32 = static_cast<uint32_t>(bits);
    i64 = value << 33;
    u64 = bits;
    f = static_cast<float>(value) / 4;
    d = static_cast<double>(value) / 8;
    CheckPromotions();
  }
}

TEST_CASE("literals have the types and values that the compiler gives them") {
  AGREES(1u - 2);
  AGREES(-1 < 1u);
  AGREES(1l << 40);
  AGREES(0xffffffff);
  AGREES(0x7fffffff);
  AGREES(2147483648 - 1);
  AGREES(4294967295 + 1);
  AGREES(0xffffffffffffffff);
  AGREES(0777);
  AGREES(0b1011);
  AGREES(1'000'000 * 3);
  AGREES('a' + 1);
  AGREES('\xff' < 0);
  AGREES(3 / 2.0);
  AGREES(1e3f);
  AGREES(0x1p-3);
  AGREES(10 % -3);
  AGREES(-7 / 2);
  AGREES(-7 % 2);
  AGREES(-7 >> 1);
  AGREES(true + true);
  AGREES(7ull - 8);
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
