// SPDX-License-Identifier: Apache-2.0

#include "program.h"
#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/unit_index.h"
#include "test/catch.h"

namespace dlog::dwarf {
namespace {

std::string Qualified(const Program& program, const Statement& statement, const char* name) {
  auto found = FindGlobal(program.module(), statement.scope, name);
  return found.ok() ? QualifiedName(program.module(), found->die) : "none";
}

TEST_CASE("A global means what it means to the compiler in that scope") {
  const Program program(GENERATE(from_range(Variants("locals"))));
  const Statement member = program.In("locals.cc", "total", "Order::total");
  const Statement plain = program.In("locals.cc", "shadow", "Shadow");
  CHECK(Qualified(program, member, "shared") == "shop::shared");
  CHECK(Qualified(program, plain, "shared") == "shared");
  CHECK(Qualified(program, member, "::shared") == "shared");
  CHECK(Qualified(program, plain, "shop::shared") == "shop::shared");
  CHECK(Qualified(program, member, "live") == "shop::Order::live");
  CHECK(Qualified(program, member, "Order::live") == "shop::Order::live");
  CHECK(Qualified(program, plain, "shop::Order::live") == "shop::Order::live");
  CHECK(Qualified(program, member, "hidden") == "shop::(anonymous namespace)::hidden");
  CHECK(Qualified(program, plain, "live") == "none");
  CHECK(Qualified(program, plain, "no_such_variable") == "none");
}

TEST_CASE("What is found can be located") {
  const Program program(GENERATE(from_range(Variants("locals"))));
  const Statement member = program.In("locals.cc", "total", "Order::total");
  for (const char* name : {"shared", "live", "hidden"}) {
    auto found = FindGlobal(program.module(), member.scope, name);
    REQUIRE(found.ok());
    auto node = LocationOf(program.module(), member.scope, found->die, {member.address, member.address});
    REQUIRE(node.ok());
    CHECK(DescribeLocation(*node).substr(0, 4) == "[rip");
  }
}

TEST_CASE("using namespace brings names in") {
  const Program program(GENERATE(as<std::string>{}, "locals.gcc.O0.dwarf5", "locals.clang.O0.dwarf5"));
  const Statement statement = program.In("locals.cc", "imported", "Imported");
  CHECK(Qualified(program, statement, "hidden") == "shop::(anonymous namespace)::hidden");
}

TEST_CASE("A thread-local variable of a program lies before the thread pointer") {
  const Program program(GENERATE(as<std::string>{}, "locals.gcc.O0.dwarf5", "locals.clang.O2.dwarf4",
                                 "locals.gcc.O2.split4", "locals.clang.O2.split5"));
  const Statement statement = program.In("locals.cc", "imported", "Imported");
  auto found = FindGlobal(program.module(), statement.scope, "per_thread");
  REQUIRE(found.ok());
  auto node = LocationOf(program.module(), statement.scope, found->die, {statement.address, statement.address});
  INFO(node.status());
  REQUIRE(node.ok());
  CHECK(DescribeLocation(*node) == "[fs.base-0x4]");  // the only one: the block ends at the thread pointer
}

TEST_CASE("A global that another unit defines is found through its declaration") {
  const Program program(GENERATE(from_range(Variants("zoo"))));
  const Statement statement = program.In("zoo.cc", "zoo", "main");
  CHECK(Qualified(program, statement, "zoo::elsewhere") == "zoo::elsewhere");
}

TEST_CASE("A static variable is that of the function's own source file, with LTO too") {
  const std::string name = GENERATE(as<std::string>{}, "zoo.gcc.O2.lto", "zoo.gcc.O0.dwarf5", "zoo.clang.O2.dwarf4",
                                    "split/package4", "dwz/alt/first");
  const Program program(name);
  const auto place = [&](const Statement& statement, const char* name) {
    auto found = FindGlobal(program.module(), statement.scope, name);
    INFO(found.status());
    REQUIRE(found.ok());
    auto node = LocationOf(program.module(), statement.scope, found->die, {LinkAddress{0}, LinkAddress{0}});
    INFO(node.status());
    REQUIRE(node.ok());
    return DescribeLocation(*node);
  };
  const Statement main = program.In("zoo.cc", "zoo", "main");
  const Statement use = program.In("zoo_other.cc", "use", "Use");
  CHECK(place(main, "zoo::same_name") != place(use, "same_name"));
  // LTO has made a constant of this one.
  if (name != "zoo.gcc.O2.lto") CHECK(place(main, "zoo::elsewhere") == place(use, "elsewhere"));
}

TEST_CASE("C globals and file-scope statics are found") {
  const Program program(GENERATE(from_range(Variants("plain"))));
  const Statement statement = program.In("plain.c", "handle", "handle");
  CHECK(Qualified(program, statement, "file_static") == "file_static");
  CHECK(Qualified(program, statement, "global_counter") == "global_counter");
}

TEST_CASE("Enumerators are found by the rules of their enumeration") {
  const Program program(GENERATE(from_range(Variants("locals"))));
  const Statement member = program.In("locals.cc", "total", "Order::total");
  const Statement plain = program.In("locals.cc", "constants", "Constants");
  auto value = [&](const Statement& statement, const char* name) -> std::optional<int64_t> {
    auto found = FindEnumerator(program.module(), statement.scope, name);
    return found.has_value() ? std::optional(found->value) : std::nullopt;
  };
  CHECK(value(member, "Color::GREEN") == 5);
  CHECK(value(member, "GREEN") == std::nullopt);  // an enum class keeps its names to itself
  CHECK(value(plain, "shop::Color::GREEN") == 5);
  CHECK(value(plain, "Color::GREEN") == std::nullopt);
  CHECK(value(member, "nothing") == std::nullopt);
}

TEST_CASE("Unscoped enumerators are visible around their enumeration") {
  const Program program(GENERATE(as<std::string>{}, "zoo.gcc.O0.dwarf5", "zoo.clang.O0.dwarf4"));
  const Statement statement = program.In("zoo.cc", "zoo", "main");
  auto found = FindEnumerator(program.module(), statement.scope, "zoo::MINUS");
  REQUIRE(found.has_value());
  CHECK(found->value == -2);
  CHECK(FindEnumerator(program.module(), statement.scope, "zoo::Signed::PLUS")->value == 3);
  CHECK_FALSE(FindEnumerator(program.module(), statement.scope, "MINUS").has_value());
}

}  // namespace
}  // namespace dlog::dwarf
