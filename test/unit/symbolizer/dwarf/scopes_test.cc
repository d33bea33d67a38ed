// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/scopes.h"

#include <set>

#include "program.h"
#include "symbolizer/dwarf/die.h"
#include "test/catch.h"

namespace dlog::dwarf {
namespace {

std::string AnyLocals() {
  std::vector<std::string> names = Variants("locals");
  names.push_back("locals.gcc.O2.compressed");
  names.push_back("locals.gcc.O2.nopie");
  return GENERATE_COPY(from_range(names));
}

TEST_CASE("A function is named with its scope and parameters") {
  const Program program(AnyLocals());
  CHECK(program.In("locals.cc", "total", "total").scope.name == "shop::Order::total(int) const");
  CHECK(program.In("locals.cc", "shadow", "Shadow").scope.name == "Shadow(int)");
  CHECK(program.In("locals.cc", "constructor", "Order").scope.name == "shop::Order::Order(int)");
  CHECK(Program("plain.gcc.O2.dwarf5").In("plain.c", "handle", "handle").scope.name == "handle");
}

TEST_CASE("Template instances are functions of their own") {
  const Program program(
      GENERATE(as<std::string>{}, "locals.gcc.O0.dwarf4", "locals.gcc.O0.dwarf5", "locals.clang.O0.dwarf5"));
  CHECK(program.In("locals.cc", "largest", "int").scope.name == "int shop::Largest<int>(int, int)");
  CHECK(program.In("locals.cc", "largest", "long").scope.name == "long shop::Largest<long>(long, long)");
}

TEST_CASE("A function that only the symbol table knows has a name and ranges and no variables") {
  const Program program("locals.clang.O0.tables");
  const FunctionScope scope = program.In("locals.cc", "total", "total").scope;
  CHECK(scope.by_symbol);
  CHECK(scope.name == "shop::Order::total(int) const");
  CHECK(VisibleVariables(scope).empty());
  auto named = FunctionsNamed(program.module(), "Order::total(int)");
  REQUIRE(named.ok());
  REQUIRE(named->size() == 1);
  CHECK(named->front().entry == scope.ranges.front().begin);
  CHECK_FALSE(named->front().is_symbol);
}

TEST_CASE("A function's ranges contain the address it was looked up with") {
  const Program program(AnyLocals());
  for (const char* mark : {"loop", "total", "shadow", "inlined", "pieces"}) {
    for (const Statement& statement : program.At("locals.cc", mark)) {
      bool inside = false;
      for (const AddressRange& range : statement.scope.ranges) inside |= range.Contains(statement.address);
      CHECK(inside);
    }
  }
  const UnitFile unit = program.lines().FilesMatching("locals.cc")->front().units.front();
  CHECK(FunctionAt(program.module(), unit.unit, LinkAddress{1}).status().code() == absl::StatusCode::kNotFound);
}

TEST_CASE("Every inlined copy is a scope of its own with its own variables") {
  const Program program(AnyLocals());
  std::set<const void*> copies;
  for (const Statement& statement : program.At("locals.cc", "inlined")) {
    CHECK(statement.scope.name == "Twice(int)");
    CHECK(statement.scope.inlined);
    CHECK_FALSE(SameDie(statement.scope.die, statement.scope.subprogram));
    copies.insert(statement.scope.die.addr);
    CHECK(HasVariable(statement.scope, "value"));
    CHECK(HasVariable(statement.scope, "doubled"));
    CHECK_FALSE(HasVariable(statement.scope, "argc"));
  }
  CHECK(copies.size() == 2);
}

TEST_CASE("Parameters, locals, statics and the implicit this are visible") {
  const Program program(AnyLocals());
  const Statement statement = program.In("locals.cc", "total", "Order::total");
  CHECK(VariableNamed(statement.scope, "discount").is_parameter);
  CHECK_FALSE(VariableNamed(statement.scope, "discount").is_artificial);
  CHECK(VariableNamed(statement.scope, "this").is_artificial);
  CHECK_FALSE(VariableNamed(statement.scope, "sum").is_parameter);
  CHECK(HasVariable(statement.scope, "calls"));
  // Of the loop body, which has ended.
  CHECK_FALSE(HasVariable(statement.scope, "price"));
}

TEST_CASE("Variables of the blocks around the address come innermost first") {
  const Program program(
      GENERATE(as<std::string>{}, "locals.gcc.O0.dwarf4", "locals.gcc.O0.dwarf5", "locals.clang.O0.dwarf5"));
  const Statement statement = program.In("locals.cc", "loop", "Order::total");
  std::vector<std::string> names;
  for (const Variable& variable : VisibleVariables(statement.scope)) names.push_back(variable.name);
  const auto at = [&](const char* name) { return std::find(names.begin(), names.end(), name) - names.begin(); };
  CHECK(at("price") < at("item"));
  CHECK(at("item") < at("sum"));
  CHECK(at("sum") < static_cast<long>(names.size()));
}

TEST_CASE("An inner variable shadows the outer one in its block only") {
  const Program program(AnyLocals());
  const Statement inner = program.In("locals.cc", "shadow", "Shadow");
  const Statement outer = program.In("locals.cc", "after_shadow", "Shadow");
  int count = 0;
  for (const Variable& variable : VisibleVariables(inner.scope)) count += variable.name == "x" ? 1 : 0;
  CHECK(count == 1);
  CHECK_FALSE(VariableNamed(inner.scope, "x").is_parameter);
  CHECK(VariableNamed(outer.scope, "x").is_parameter);
}

TEST_CASE("A variable that is declared on a later line does not shadow yet") {
  const Program program(AnyLocals());
  const Statement statement = program.In("locals.cc", "before_shadow", "Shadow");
  CHECK(VariableNamed(statement.scope, "x").is_parameter);
}

TEST_CASE("A line whose code begins with an inlined call belongs to the function that calls") {
  // Everything that main calls is inlined into it; at its first instruction the innermost scope is another function.
  const Program program("zoo.gcc.O2.lto");
  const Statement statement = program.In("zoo.cc", "zoo", "main");
  CHECK(HasVariable(statement.scope, "argc"));
  const FunctionScope innermost = *FunctionAt(program.module(), statement.unit, statement.address);
  const FunctionScope outer = *FunctionAt(program.module(), statement.unit, statement.address, &statement.scope.die);
  CHECK(SameDie(outer.die, statement.scope.die));
  CHECK(innermost.subprogram.addr == statement.scope.subprogram.addr);
}

TEST_CASE("A statement inside an inlined copy stays there") {
  const Program program(GENERATE(from_range(Variants("locals"))));
  for (const Statement& statement : program.At("locals.cc", "inlined")) CHECK(statement.scope.name == "Twice(int)");
}

TEST_CASE("Split debug information is followed into its .dwo file") {
  const Program program("plain.gcc.O2.split");
  CHECK(program.In("plain.c", "handle", "handle").scope.name == "handle");
  CHECK(HasVariable(program.In("plain.c", "handle", "handle").scope, "values"));
}

}  // namespace
}  // namespace dlog::dwarf
