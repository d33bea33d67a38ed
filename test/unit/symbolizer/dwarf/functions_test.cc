// SPDX-License-Identifier: Apache-2.0
#include <set>

#include "program.h"
#include "test/catch.h"

namespace dlog::dwarf {
namespace {

std::set<std::string> Names(const Program& program, const char* query) {
  std::set<std::string> out;
  auto matches = FunctionsNamed(program.module(), query);
  REQUIRE(matches.ok());
  for (const FunctionMatch& match : *matches) {
    CHECK(program.module().binary().IsCode(match.entry));
    out.insert(match.name);
  }
  return out;
}

TEST_CASE("Functions are found by plain and qualified names, with and without parameters") {
  const Program program(GENERATE(from_range(Variants("locals"))));
  const std::set<std::string> both = {"shop::Order::total(int) const", "shop::Order::total(int, long) const"};
  CHECK(Names(program, "total") == both);
  CHECK(Names(program, "Order::total") == both);
  CHECK(Names(program, "shop::Order::total(int)") == std::set<std::string>{"shop::Order::total(int) const"});
  CHECK(Names(program, "main") == std::set<std::string>{"main(int, char**)"});
  CHECK(Names(program, "no_such_function").empty());
  CHECK(Names(program, "otal").empty());
}

TEST_CASE("Templates are found with and without arguments") {
  const Program program(GENERATE(from_range(Variants("locals"))));
  CHECK(Names(program, "Largest").size() == 2);
  CHECK(Names(program, "shop::Largest<long>") == std::set<std::string>{"long shop::Largest<long>(long, long)"});
}

TEST_CASE("Inlined copies are instances too") {
  const Program program(GENERATE(from_range(Variants("locals"))));
  auto matches = FunctionsNamed(program.module(), "Twice");
  REQUIRE(matches.ok());
  int inlined = 0;
  std::set<uint64_t> entries;
  for (const FunctionMatch& match : *matches) {
    inlined += match.inlined ? 1 : 0;
    entries.insert(match.entry.value);
    auto scope = FunctionAt(program.module(), match.unit, match.entry);
    CHECK(scope.ok());
  }
  CHECK(inlined == 2);
  CHECK(entries.size() == matches->size());
}

TEST_CASE("Constructors and destructors have their class's name") {
  const Program program(
      GENERATE(as<std::string>{}, "locals.gcc.O0.dwarf5", "locals.clang.O0.dwarf5", "locals.gcc.O2.dwarf4"));
  CHECK(Names(program, "Order::Order") == std::set<std::string>{"shop::Order::Order(int)"});
  CHECK(Names(program, "Order::~Order").size() == 1);
}

TEST_CASE("A misspelt function gets suggestions") {
  const Program program("locals.gcc.O0.dwarf5");
  const auto similar = SimilarFunctions(program.module(), "Order::totl", 3);
  REQUIRE_FALSE(similar.empty());
  CHECK(similar.front() == "shop::Order::total");
}

}  // namespace
}  // namespace dlog::dwarf
