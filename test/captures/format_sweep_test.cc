// SPDX-License-Identifier: Apache-2.0
//
// Every format on every sort of value: shown as the formatter itself would, or refused before anything is attached when
// the formatter would refuse it.
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "test/captures/own_program.h"
#include "test/catch.h"

namespace sweep_test {
enum class Color : unsigned char { kRed = 3 };
bool g_bool = true;
char g_char = 'q';
signed char g_small = -5;
unsigned char g_byte = 200;
short g_short = -300;
int g_int = -42;
unsigned g_unsigned = 42;
long g_long = 1700000000;
unsigned long g_huge = ~0ul;
float g_float = 0.1f;
double g_double = -2.5;
Color g_color = Color::kRed;
const char* g_text = "a text";
std::string g_string = "another text";
int* g_pointer = &g_int;
std::vector<int> g_vector = {1, 2, 3, 4};
std::chrono::system_clock::time_point g_when = std::chrono::system_clock::from_time_t(1700000000);
std::chrono::milliseconds g_wait{1500};
int g_error = 2;

__attribute__((noinline)) int Anchor(int amount) {
  asm volatile("nop" : : "r"(amount) : "memory");
  return amount;
}
}  // namespace sweep_test

namespace dlog::test {
namespace {

constexpr const char* kSpecs[] = {"d",  "x",   "#x",   "#X",    "o",   "#o",  "b",   "#b",   "#B",  "c",   "08d",
                                  "+d", " d",  "-",    "<10",   ">10", "^10", "*^9", "_<8",  ".2f", ".3",  "e",
                                  "E",  "g",   "G",    "a",     "A",   "f",   "F",   "9.3f", "s",   "10s", ".2s",
                                  "p",  "20p", "+.1f", "#010x", "0>5", "#",   "010", "1000d"};

std::vector<std::string> Shown(const std::vector<std::string>& expressions) {
  uint64_t registers[DLOG_NREGS] = {};
  registers[16] = reinterpret_cast<uint64_t>(&sweep_test::Anchor);
  std::vector<std::string> qualified;
  qualified.reserve(expressions.size());
  for (const std::string& expression : expressions) qualified.push_back("sweep_test::" + expression);
  return OwnProgram("sweep_test::Anchor", qualified).Capture(MemoryOfProcess(getpid()), registers);
}

// What the formatter makes of it; empty when it refuses.
template <typename T>
std::string Formatted(const std::string& spec, const T& value) {
  try {
    return "ok " + fmt::vformat("{:" + spec + "}", fmt::make_format_args(value)) + " ";
  } catch (const fmt::format_error&) {
    return "";
  }
}

template <typename T>
void Sweep(const std::string& name, const T& value, std::string_view left_out = "") {
  int right = 0, refused = 0;
  std::vector<std::string> expressions;
  std::vector<std::string> specs;
  expressions.reserve(std::size(kSpecs));
  for (const std::string spec : kSpecs) {
    // The last character of a format says what it is of.
    if (!left_out.empty() && spec.ends_with(left_out)) continue;
    specs.push_back(spec);
    expressions.push_back(name + ":" + spec);
  }
  const std::vector<std::string> shown = Shown(expressions);
  for (size_t i = 0; i < expressions.size(); ++i) {
    INFO(expressions[i] << " shows " << shown[i]);
    const std::string expected = Formatted(specs[i], value);
    if (expected.empty()) {
      CHECK(shown[i].starts_with("refused: format ':"));
      ++refused;
    } else {
      CHECK(shown[i].substr(0, expected.size()) == expected);
      ++right;
    }
  }
  CHECK(right >= 5);
  CHECK(refused >= 5);
}

TEST_CASE("formats of std::format do to numbers and texts what the formatter does") {
  Sweep("g_bool", sweep_test::g_bool);
  Sweep("g_char", sweep_test::g_char);
  Sweep("g_byte", static_cast<unsigned>(sweep_test::g_byte), "c");  // a byte that is no character is escaped
  Sweep("g_short", static_cast<int>(sweep_test::g_short));
  Sweep("g_int", sweep_test::g_int);
  Sweep("g_unsigned", sweep_test::g_unsigned);
  Sweep("g_long", sweep_test::g_long);
  Sweep("g_huge", sweep_test::g_huge, "c");
  Sweep("g_float", sweep_test::g_float);
  Sweep("g_double", sweep_test::g_double);
  Sweep("g_text", std::string_view(sweep_test::g_text), "p");  // its address
  Sweep("g_string", std::string_view(sweep_test::g_string));
  Sweep("g_vector", std::string_view("{1, 2, 3, 4}"));
}

TEST_CASE("formats of our own fit what they are for and are refused for the rest") {
  struct Row {
    const char* expression;
    const char* expected;  // the beginning
  };
  const Row rows[] = {
      {"g_pointer:[1]", "ok {-42} "},
      {"g_vector:[2]", "truncated {1, 2, ...} "},
      {"g_pointer:[1 + 0]", "ok {-42} "},
      {"g_error:errno", "ok ENOENT "},
      {"g_int:errno", "ok -"},
      {"g_long:%F %T", "ok 2023-11-14 22:13:20 "},
      {"g_when:%Y", "ok 2023 "},
      {"g_text:s", "ok a text "},
      {"g_color:d", "ok 3 "},
      {"g_color:>6", "ok   kRed "},
      {"g_int:[3]", "refused: "},
      {"g_string:[3]", "refused: "},
      {"g_double:errno", "refused: "},
      {"g_string:errno", "refused: "},
      {"g_vector:errno", "refused: "},
      {"g_short:%F", "refused: "},
      {"g_string:%F", "refused: "},
      {"g_wait:%F", "refused: "},
      {"g_vector:[g_int]", "refused: "},
      {"g_pointer:[sweep_test::g_double]", "refused: "},
      {"g_color:.2f", "refused: "},
      {"g_pointer:d", "refused: "},
      {"g_vector:d", "refused: "},
      {"g_when:.2f", "refused: "},
      {"g_pointer:[sweep_test::g_int]", "error <error: the number of elements is negative> "},
      {"g_pointer:[sweep_test::g_huge]", "error <corrupt: size 1"},
  };
  for (const Row& row : rows) {
    INFO(row.expression);
    CHECK(Shown({row.expression})[0].substr(0, std::string_view(row.expected).size()) == row.expected);
  }
}

}  // namespace
}  // namespace dlog::test
