// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/location.h"

#include "program.h"
#include "symbolizer/dwarf/die.h"
#include "test/catch.h"

namespace dlog::dwarf {
namespace {

bool Contains(const std::vector<AddressRange>& ranges, LinkAddress address) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const AddressRange& r) { return r.Contains(address); });
}

TEST_CASE("Unoptimized variables live in the frame") {
  const Program program(GENERATE(as<std::string>{}, "locals.gcc.O0.dwarf4", "locals.gcc.O0.dwarf5",
                                 "locals.clang.O0.dwarf4", "locals.clang.O0.dwarf5"));
  const Statement statement = program.In("locals.cc", "after_shadow", "Shadow");
  CHECK(Where(program, statement, "x").substr(0, 5) == "[rbp-");
  CHECK(Where(program, statement, "result").substr(0, 5) == "[rbp-");
}

TEST_CASE("Clang's frame pointer is not believed before it is set up") {
  const Program program("locals.clang.O0.dwarf5");
  const Statement statement = program.In("locals.cc", "after_shadow", "Shadow");
  const Variable x = VariableNamed(statement.scope, "x");
  const LinkAddress entry = statement.scope.ranges.front().begin;
  CHECK(LocationOf(program.module(), statement.scope, x.die, {statement.address, statement.address}).ok());
  const auto early = LocationOf(program.module(), statement.scope, x.die, {statement.address, entry});
  CHECK(early.status().code() == absl::StatusCode::kFailedPrecondition);
}

TEST_CASE("The frame is that of the probe, the list entry that of the statement") {
  const Program program("locals.gcc.O0.dwarf5");
  const Statement statement = program.In("locals.cc", "after_shadow", "Shadow");
  const Variable result = VariableNamed(statement.scope, "result");
  const LinkAddress entry = statement.scope.ranges.front().begin;
  auto moved = LocationOf(program.module(), statement.scope, result.die, {statement.address, entry});
  REQUIRE(moved.ok());
  CHECK(DescribeLocation(*moved).substr(0, 5) == "[rsp-");
}

TEST_CASE("Globals are relative to the probe, not to the statement") {
  const Program program("locals.gcc.O0.dwarf5");
  const Statement statement = program.In("locals.cc", "total", "Order::total");
  auto live = FindGlobal(program.module(), statement.scope, "live");
  REQUIRE(live.ok());
  auto at = [&](uint64_t distance) {
    auto node = LocationOf(program.module(), statement.scope, live->die,
                           {statement.address, {statement.address.value + distance}});
    REQUIRE(node.ok());
    REQUIRE(node->memory().binary().left().reg() == 16);
    uint64_t delta = 0;
    std::copy_n(node->memory().binary().right().constant().data(), 8, reinterpret_cast<char*>(&delta));
    return delta;
  };
  CHECK(at(0) - at(7) == 7);
}

TEST_CASE("Constants need no location") {
  const Program program(GENERATE(as<std::string>{}, "locals.gcc.O2.dwarf4", "locals.gcc.O2.dwarf5",
                                 "locals.clang.O2.dwarf4", "locals.clang.O2.dwarf5"));
  const Statement statement = program.In("locals.cc", "constants", "Constants");
  const Variable fixed = VariableNamed(statement.scope, "fixed");
  auto node = LocationOf(program.module(), statement.scope, fixed.die, {statement.address, statement.address});
  REQUIRE(node.ok());
  REQUIRE(node->kind_case() == v1::Node::kConstant);
  CHECK(static_cast<uint8_t>(node->constant()[0]) == 42);
}

TEST_CASE("A structure in two registers is a composite") {
  const Program program(
      GENERATE(as<std::string>{}, "locals.gcc.O2.dwarf4", "locals.gcc.O2.dwarf5", "locals.clang.O2.dwarf5"));
  const Statement statement = program.In("locals.cc", "pieces", "Pieces");
  const Variable item = VariableNamed(statement.scope, "item");
  auto node = LocationOf(program.module(), statement.scope, item.die, {statement.address, statement.address});
  REQUIRE(node.ok());
  REQUIRE(node->composite().pieces_size() == 2);
  CHECK(node->composite().pieces(0).size() == 4);
}

TEST_CASE("A double in a vector register is that register") {
  const Program program("locals.gcc.O2.dwarf5");
  const Statement statement = program.In("locals.cc", "floating", "Floating");
  CHECK(Where(program, statement, "both") == "xmm0");
}

TEST_CASE("DWARF 2 and 3 say where values are in the ways that they had") {
  for (const char* version : {"2", "3"}) {
    const Program program(std::string("locals.gcc.O2.dwarf") + version);
    const auto where = [&](const char* mark, const char* function, const char* variable) {
      return Where(program, program.In("locals.cc", mark, function), variable);
    };
    CHECK(where("total", "total", "this") == "rdi");
    CHECK(where("constants", "Constants", "fixed") == "constant");
    const Statement statement = program.In("locals.cc", "total", "total");
    auto live = FindGlobal(program.module(), statement.scope, "live");
    REQUIRE(live.ok());
    CHECK(LocationOf(program.module(), statement.scope, live->die, {statement.address, statement.address}).ok());
  }
  // Lists of what gcc could not say in version 2.
  const Program program("locals.gcc.O2.dwarf3");
  CHECK(Where(program, program.In("locals.cc", "pieces", "Pieces"), "item") == "{rdi, rsi}");
  CHECK(Where(program, program.In("locals.cc", "floating", "Floating"), "both") == "xmm0");
}

TEST_CASE("Where a variable is available agrees with whether it can be located") {
  const Program program(GENERATE(as<std::string>{}, "locals.gcc.O2.dwarf4", "locals.gcc.O2.dwarf5",
                                 "locals.clang.O2.dwarf4", "locals.clang.O2.dwarf5", "locals.gcc.O2.compressed",
                                 "zoo.gcc.O2.lto", "locals.gcc.O2.dwarf2", "locals.gcc.O2.dwarf3",
                                 "locals.gcc.O2.split4", "locals.clang.O2.split5"));
  const std::string source = program.lines().FilesMatching("locals.cc")->empty() ? "zoo.cc" : "locals.cc";
  int located = 0;
  int missing = 0;
  const SourceFile found = program.lines().FilesMatching(source)->front();
  for (const UnitFile& file : found.units) {
    const std::vector<LineRow>& rows = **program.lines().Rows(file.unit);
    for (const LineRow& row : rows) {
      if (row.end_sequence) continue;
      auto scope = FunctionAt(program.module(), file.unit, row.address);
      if (!scope.ok()) continue;
      for (const Variable& variable : VisibleVariables(*scope)) {
        auto node = LocationOf(program.module(), *scope, variable.die, {row.address, row.address});
        const bool available = Contains(AvailableRanges(program.module(), *scope, variable.die), row.address);
        INFO(variable.name << " at " << row.address.value << ": " << node.status());
        if (node.ok() && node->has_implicit_pointer()) {
          ++missing;
        } else if (node.ok()) {
          CHECK(available);
          CHECK_FALSE(DescribeLocation(*node).empty());
          ++located;
        } else {
          CHECK_FALSE(node.status().message().empty());
          // A single location is also missing before the prologue has made it true.
          // So is a value that the caller would have to know.
          const bool single = HasSingleLocation(variable.die) ||
                              node.status().message().find("function's entry") != absl::string_view::npos;
          if (node.status().code() == absl::StatusCode::kFailedPrecondition && !single) CHECK_FALSE(available);
          ++missing;
        }
      }
    }
  }
  CHECK(located > 20);
  CHECK(missing > 0);
}

TEST_CASE("Location ranges are half-open") {
  const Program program("locals.gcc.O2.dwarf5");
  const Statement statement = program.In("locals.cc", "pieces", "Pieces");
  const Variable item = VariableNamed(statement.scope, "item");
  const auto ranges = AvailableRanges(program.module(), statement.scope, item.die);
  REQUIRE_FALSE(ranges.empty());
  for (const AddressRange& range : ranges) {
    auto at = [&](uint64_t address) {
      auto found = LocationOf(program.module(), statement.scope, item.die, {{address}, {statement.address}});
      // In a range of its own, whether or not a caller describes it.
      return found.ok() || found.status().message().find("function's entry") != absl::string_view::npos;
    };
    CHECK(at(range.begin.value));
    CHECK(at(range.end.value - 1));
    CHECK(at(range.end.value) == Contains(ranges, range.end));
  }
}

TEST_CASE("The CFA follows the stack pointer through the prologue") {
  const Program program("locals.gcc.O0.dwarf5");
  const Statement statement = program.In("locals.cc", "shadow", "Shadow");
  auto entry = CfaAt(program.module(), statement.scope.ranges.front().begin);
  REQUIRE(entry.ok());
  CHECK(DescribeLocation(*entry) == "rsp+0x8");
  auto body = CfaAt(program.module(), statement.address);
  REQUIRE(body.ok());
  CHECK(DescribeLocation(*body) == "rbp+0x10");
  CHECK(CfaAt(program.module(), LinkAddress{1}).status().code() == absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace dlog::dwarf
