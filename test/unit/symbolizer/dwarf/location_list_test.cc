// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/location_list.h"

#include <map>

#include "program.h"
#include "symbolizer/dwarf/die.h"
#include "test/catch.h"

namespace dlog::dwarf {
namespace {

constexpr const char* kNeighbour = "another statement that begins there only";
constexpr const char* kSeveral = "several values there";

// The statements of the golden program, by line.
std::map<uint32_t, LineRow> GoldenRows(const Program& program) {
  std::map<uint32_t, LineRow> rows;
  const auto files = program.lines().FilesMatching("views_golden.c");
  REQUIRE(files.ok());
  REQUIRE(files->size() == 1);
  for (const LineRow& row : **program.lines().Rows(files->front().units.front().unit)) {
    if (!row.end_sequence) rows[row.line] = row;
  }
  return rows;
}

struct Golden {
  explicit Golden(const std::string& name) : program(name), rows(GoldenRows(program)) {
    const auto files = program.lines().FilesMatching("views_golden.c");
    scope = *FunctionAt(program.module(), files->front().units.front().unit, rows.at(10).address);
  }
  // What `variable` is at the row of `line`, or at another view of its address.
  std::string At(const char* variable, uint32_t line, std::optional<View> view = std::nullopt) const {
    const LineRow& row = rows.at(line);
    const Variable found = VariableNamed(scope, variable);
    auto node = LocationOf(program.module(), scope, found.die,
                           {.statement = row.address, .probe = row.address, .view = view.value_or(row.view)});
    if (!node.ok()) return std::string(node.status().message());
    REQUIRE(node->kind_case() == v1::Node::kConstant);
    return std::to_string(static_cast<int>(node->constant()[0]));
  }

  Program program;
  std::map<uint32_t, LineRow> rows;
  FunctionScope scope;
};

std::string AnyGolden() { return GENERATE(as<std::string>{}, "views_golden.dwarf4", "views_golden.dwarf5"); }

TEST_CASE("Statements at one address have the values that their views tell") {
  const Golden golden(AnyGolden());
  CHECK(golden.At("steps", 10) == "1");
  CHECK(golden.At("steps", 11) == "2");
  CHECK(golden.At("steps", 12) == "2");
  CHECK(golden.At("steps", 13) == "3");
  // An entry goes on to a view of the address at which its range ends.
  CHECK(golden.At("steps", 14) == "3");
  CHECK(golden.At("steps", 15) == "4");
  CHECK(golden.At("steps", 14, kLastView) == "4");
}

TEST_CASE("A statement that no view covers has no value, whatever its neighbours have") {
  const Golden golden(AnyGolden());
  CHECK(golden.At("gap", 10) == "1");
  CHECK_THAT(golden.At("gap", 11), ContainsText(kNeighbour));
  CHECK(golden.At("gap", 12) == "2");
}

TEST_CASE("Two values for one statement are none") {
  const Golden golden(AnyGolden());
  CHECK(golden.At("overmuch", 10) == "1");
  CHECK_THAT(golden.At("overmuch", 11), ContainsText("several values"));
  CHECK(golden.At("overmuch", 12) == "2");
}

TEST_CASE("A list whose views do not fit, or that has none, is believed where it says one thing only") {
  const Golden golden(AnyGolden());
  for (const uint32_t line : {10, 11, 13}) {
    CHECK_THAT(golden.At("short", line), ContainsText("damaged"));
    CHECK_THAT(golden.At("silent", line), ContainsText(kSeveral));
  }
  CHECK(golden.At("short", 14) == "2");
  CHECK(golden.At("silent", 14) == "2");
}

TEST_CASE("Where the statement is not known, all at the address have to agree") {
  const Golden golden(AnyGolden());
  for (const char* variable : {"steps", "gap", "overmuch"}) {
    CHECK_THAT(golden.At(variable, 10, kUnknownView), ContainsText("optimized out"));
  }
  CHECK_THAT(golden.At("steps", 14, kUnknownView), ContainsText(kSeveral));
  CHECK(golden.At("gap", 14, kUnknownView) == "2");
}

std::string AnyProgram() {
  return GENERATE(as<std::string>{}, "views.gcc.O2.dwarf4", "views.gcc.O2.dwarf5", "views.gcc.O2.split4",
                  "views.gcc.O2.split5");
}

TEST_CASE("Assignments that gcc left no instruction for are seen by the statements behind them only") {
  const Program program(AnyProgram());
  const auto where = [&](const char* mark, const char* function, const char* variable) {
    return Where(program, program.In("views.c", mark, function), variable);
  };
  CHECK(where("shift", "Shift", "moved") == "rdi");
  CHECK(where("shifted", "Shift", "moved") == "rdi+0x1");
  CHECK(where("shift", "Shift", "kept") == "rsi");
  CHECK_THAT(where("before", "Steps", "step"), ContainsText(kNeighbour));
  CHECK(where("one", "Steps", "step") == "constant");
  CHECK(where("two", "Steps", "step") == "constant");
  CHECK(where("same", "Steps", "step") == "rdi");
  CHECK(where("all", "Steps", "step") == "rax");
  CHECK_THAT(where("copied", "Twice", "doubled"), ContainsText(kNeighbour));
  CHECK(where("copied", "Twice", "once") == "rdi");
  CHECK(where("doubled", "Twice", "doubled") == "rdi");
}

TEST_CASE("Without views several values at one address are none") {
  const Program program("views.gcc.O2.untold");
  CHECK(Where(program, program.In("views.c", "shift", "Shift"), "kept") == "rsi");
  CHECK_THAT(Where(program, program.In("views.c", "shift", "Shift"), "moved"), ContainsText(kSeveral));
}

}  // namespace
}  // namespace dlog::dwarf
