// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/prologue.h"

#include "program.h"
#include "test/catch.h"

namespace dlog::dwarf {
namespace {

const char* const kFunctions[] = {"Plain",   "OverAligned", "BigFrame",       "Variadic",
                                  "OneLine", "OnTheStack",  "VariableLength", "AddressTaken"};

FunctionScope EntryScope(const Program& program, const std::string& function) {
  const auto matches = FunctionsNamed(program.module(), function);
  REQUIRE(matches.ok());
  REQUIRE(matches->size() >= 1);
  auto scope = FunctionAt(program.module(), matches->front().unit, matches->front().entry);
  REQUIRE(scope.ok());
  return *scope;
}

absl::Status At(const Program& program, const FunctionScope& scope, const char* parameter, LinkAddress address) {
  const Variable variable = VariableNamed(scope, parameter);
  return LocationOf(program.module(), scope, variable.die, {address, address}).status();
}

std::vector<LinkAddress> RowsOf(const Program& program, const FunctionScope& scope) {
  std::vector<LinkAddress> out;
  for (const LineRow& row : **program.lines().Rows(scope.unit)) {
    if (!row.end_sequence && scope.ranges.front().Contains(row.address)) out.push_back(row.address);
  }
  return out;
}

TEST_CASE("Parameters that registers bring have no value in their slot before the prologue stores them") {
  const Program program(GENERATE(as<std::string>{}, "prologue.gcc.O0", "prologue.gcc.O0.frameless",
                                 "prologue.gcc.O0.patchable", "prologue.clang.O0.frameless"));
  for (const char* function : kFunctions) {
    const FunctionScope scope = EntryScope(program, function);
    const LinkAddress entry = scope.ranges.front().begin;
    const bool on_stack = std::string(function) == "OnTheStack";
    INFO(function);
    for (const char* parameter : {"a", "b"}) {
      const absl::Status status = At(program, scope, parameter, entry);
      INFO(parameter << ": " << status);
      if (!on_stack) CHECK(status.code() == absl::StatusCode::kFailedPrecondition);
    }
  }
}

TEST_CASE("Behind the prologue each row of an unoptimised function has its parameters") {
  const Program program(GENERATE(as<std::string>{}, "prologue.gcc.O0", "prologue.gcc.O0.frameless",
                                 "prologue.gcc.O0.patchable", "prologue.clang.O0.frameless"));
  for (const char* function : kFunctions) {
    const FunctionScope scope = EntryScope(program, function);
    const std::vector<LinkAddress> rows = RowsOf(program, scope);
    // The last row may be the epilogue, where the frame is gone.
    for (size_t i = 1; i + 1 < rows.size(); ++i) {
      for (const char* parameter : {"a", "b"}) {
        const absl::Status status = At(program, scope, parameter, rows[i]);
        INFO(function << " " << parameter << " at " << rows[i].value << ": " << status);
        if (rows[i] != rows[0] && status.code() != absl::StatusCode::kOk)
          CHECK(AwaitsPrologue(program.module(), scope, rows[i]));
        if (i >= 2) CHECK(status.ok());
      }
    }
  }
}

TEST_CASE("Arguments that the caller passes in memory are there from the start") {
  const Program program("prologue.gcc.O0.frameless");
  const FunctionScope scope = EntryScope(program, "OnTheStack");
  CHECK(At(program, scope, "a", scope.ranges.front().begin).ok());
}

TEST_CASE("A slot that only one branch stores is not believed at the others") {
  const Program program("prologue.gcc.O2.untracked");
  const FunctionScope scope = EntryScope(program, "AddressTaken");
  CHECK_FALSE(At(program, scope, "a", scope.ranges.front().begin).ok());
  CHECK(AwaitsPrologue(program.module(), scope, scope.ranges.front().begin));
}

TEST_CASE("Locations relative to the stack pointer hold only where it is the body's") {
  const Program program("prologue.gcc.O0.frameless");
  const FunctionScope scope = EntryScope(program, "OverAligned");
  const LinkAddress entry = scope.ranges.front().begin;
  CHECK_FALSE(CheckStackPointer(program.module(), scope.subprogram, entry).ok());
  CHECK(CheckStackPointer(program.module(), scope.subprogram, RowsOf(program, scope).at(1)).ok());
}

}  // namespace
}  // namespace dlog::dwarf
