// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/callers.h"

#include <set>

#include "program.h"
#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/frame.h"
#include "symbolizer/dwarf/nodes.h"
#include "test/catch.h"
#include "word_evaluator.h"

namespace dlog::dwarf {
namespace {

absl::StatusOr<v1::Node> ValueOf(const Program& program, const std::string& mark, const std::string& function,
                                 const char* parameter) {
  const Statement statement = program.In("callers.c", mark, function);
  const Variable variable = VariableNamed(statement.scope, parameter);
  return LocationOf(program.module(), statement.scope, variable.die, {statement.address, statement.address});
}

// What the value is when the function returns to `key`. All saved registers and stack words are `word`.
std::optional<uint64_t> At(const v1::Node& node, uint64_t key, LinkAddress probe, uint64_t word) {
  constexpr uint64_t kBias = 0x5500'0000'0000;
  constexpr uint64_t kStack = 0x7ff0'0000;
  Machine machine;
  machine.registers.fill(word);
  machine.registers[7] = kStack;
  machine.registers[16] = kBias + probe.value;
  for (uint64_t at = kStack; at < kStack + 0x200; at += 8) machine.Store(at, word);
  // Wherever the return address is read from.
  const v1::Node& back = node.select().key().binary().left().binary().left();
  const auto address = Evaluate(back.memory(), machine);
  if (!address.has_value()) return std::nullopt;
  machine.Store(*address, kBias + key);
  return Evaluate(node, machine);
}

std::vector<uint64_t> Keys(const v1::Node& node) {
  std::vector<uint64_t> out;
  for (const auto& candidate : node.select().cases()) {
    out.insert(out.end(), candidate.keys().begin(), candidate.keys().end());
  }
  return out;
}

std::string AnyProgram() {
  return GENERATE(as<std::string>{}, "callers.gcc.O2.dwarf4", "callers.gcc.O2.dwarf5", "callers.clang.O2.dwarf5");
}

TEST_CASE("A parameter that is gone has the value that its caller passed, for each caller") {
  const Program program(AnyProgram());
  const Statement statement = program.In("callers.c", "leaf", "Leaf");
  auto b = ValueOf(program, "leaf", "Leaf", "b");
  INFO(b.status());
  REQUIRE(b.ok());
  REQUIRE(b->has_select());
  std::set<uint64_t> values;
  for (const uint64_t key : Keys(*b)) values.insert(At(*b, key, statement.address, 0).value_or(~0ull));
  CHECK(values == std::set<uint64_t>{1, 2, 3});
  CHECK_FALSE(b->select().otherwise().empty());
  // Called through a pointer: a return address of some other code.
  CHECK_FALSE(At(*b, 0x666, statement.address, 0).has_value());
}

TEST_CASE("What a caller passed in a vector register is there with all its bits") {
  // clang's callers do not describe them.
  const Program program(GENERATE(as<std::string>{}, "callers.gcc.O2.dwarf4", "callers.gcc.O2.dwarf5"));
  const Statement statement = program.In("callers.c", "scale", "Scale");
  const auto values = [&](const char* parameter, uint32_t size) {
    auto number = ValueOf(program, "scale", "Scale", parameter);
    INFO(number.status());
    REQUIRE(number.ok());
    CHECK(number->type() == (kFloatMark | size));
    REQUIRE(number->composite().pieces_size() == 1);
    CHECK(number->composite().pieces(0).size() == size);
    const v1::Node& word = number->composite().pieces(0).value();
    std::set<uint64_t> out;
    for (const uint64_t key : Keys(word)) out.insert(At(word, key, statement.address, 0).value_or(~0ull));
    return out;
  };
  CHECK(values("factor", 8) == std::set<uint64_t>{0x4004'0000'0000'0000, 0xc00a'0000'0000'0000});  // 2.5, -3.25
  CHECK(values("by", 4) == std::set<uint64_t>{0x3fc0'0000, 0x4100'0000});                          // 1.5, 8
}

TEST_CASE("A probe that knows what the function was entered with needs no caller") {
  const Program program(AnyProgram());
  const Statement statement = program.In("callers.c", "even", "Even");
  const Variable b = VariableNamed(statement.scope, "b");
  auto known = LocationOf(program.module(), statement.scope, b.die,
                          {.statement = statement.address, .probe = statement.address, .recover = true});
  INFO(known.status());
  REQUIRE(known.ok());
  CHECK(known->at_entry() == 4);  // rsi
  CHECK(ReadsEntry(*known));
  CHECK(DescribeLocation(*known) == "rsi at the function's entry");
}

TEST_CASE("A caller that was given the value itself asks its own caller") {
  const Program program(AnyProgram());
  const Callers& callers = CallersOf(program.module(), {FunctionsNamed(program.module(), "Leaf")->front().entry});
  CHECK(callers.status.ok());
  const auto is_direct = [](const CallSite& site) { return site.target == CallTarget::kDirect; };
  CHECK(std::count_if(callers.sites.begin(), callers.sites.end(), is_direct) == 3);
  CHECK(callers.undescribed == 0);
}

TEST_CASE("Functions that tail calls lead back to have no entry values") {
  const Program program(AnyProgram());
  for (const char* parameter : {"a", "b"}) {
    auto value = ValueOf(program, "even", "Even", parameter);
    CHECK(value.status().code() == absl::StatusCode::kFailedPrecondition);
    CHECK_THAT(std::string(value.status().message()), Catch::Matchers::Contains("tail call"));
  }
}

TEST_CASE("A return address belongs to the function that was called, not to the one that it went on to") {
  const Program program(AnyProgram());
  auto b = ValueOf(program, "tail_entered", "TailEntered", "b");
  REQUIRE(b.ok());
  const auto entry = FunctionsNamed(program.module(), "TailCaller")->front().entry;
  for (const CallSite& site : CallersOf(program.module(), entry).sites) {
    const auto keys = Keys(*b);
    CHECK(std::find(keys.begin(), keys.end(), site.return_address.value) == keys.end());
  }
}

TEST_CASE("The function around an address is found without the unit's index") {
  const Program program(AnyProgram());
  const Statement statement = program.In("callers.c", "by_address", "ByAddress");
  const auto found = SubprogramAt(program.module(), statement.address);
  REQUIRE(found.has_value());
  CHECK(SameDie(*found, statement.scope.subprogram));
  CHECK_FALSE(SubprogramAt(program.module(), {1}).has_value());
}

}  // namespace
}  // namespace dlog::dwarf
