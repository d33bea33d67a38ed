// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/return_value.h"

#include <map>
#include <string>

#include "program.h"
#include "symbolizer/dwarf/nodes.h"
#include "test/catch.h"

namespace dlog::dwarf {
namespace {

FunctionScope ScopeOf(const Program& program, const std::string& function) {
  const auto matches = FunctionsNamed(program.module(), function);
  REQUIRE(matches.ok());
  REQUIRE(!matches->empty());
  auto scope = FunctionAt(program.module(), matches->front().unit, matches->front().entry, &matches->front().die);
  REQUIRE(scope.ok());
  return *scope;
}

std::string WhereReturned(const Program& program, const std::string& function) {
  google::protobuf::RepeatedPtrField<v1::Type> table;
  TypeGraph types(program.module(), &table);
  const FunctionScope scope = ScopeOf(program, function);
  auto node = ReturnValueOf(&types, types.AddTypeOf(scope.subprogram), RegisterNode);
  return node.ok() ? DescribeLocation(*node) : std::string(node.status().message());
}

}  // namespace

// test/e2e/scenarios/returns.py shows that the values in these places are the right ones.
TEST_CASE("Values are returned where the System V ABI classifies their type to") {
  const Program program(GENERATE(as<std::string>{}, "returns.gcc.O0.dwarf4", "returns.gcc.O2.dwarf5",
                                 "returns.clang.O0.dwarf4", "returns.clang.O2.dwarf5"));
  const std::map<std::string, std::string> expected = {
      {"Bool", "rax"},
      {"Wide", "rax"},
      {"Enum", "rax"},
      {"Pointer", "rax"},
      {"Reference", "rax"},
      {"Float", "xmm0"},
      {"Double", "xmm0"},
      {"MakeSmall", "{rax}"},
      {"MakeTwo", "{rax, rdx}"},
      {"MakeIntDouble", "{rax, xmm0}"},
      {"MakeDoubleInt", "{xmm0, rax}"},
      {"MakeFloats", "{xmm0, xmm1}"},
      {"MakeDoubles", "{xmm0, xmm1}"},
      {"MakeBits", "{rax}"},
      {"MakePacked", "[rax]"},
      {"MakeBig", "[rax]"},
      {"MakeDerived", "{rax}"},
      {"MakeEither", "{rax}"},
      {"String", "[rax]"},
  };
  for (const auto& [function, where] : expected) {
    INFO(function);
    CHECK(WhereReturned(program, function) == where);
  }
  CHECK_THAT(WhereReturned(program, "LongDouble"), ContainsText("x87"));
}

TEST_CASE("A class with a copy constructor or a destructor of its own goes by reference, a defaulted one does not") {
  const Program program(GENERATE(as<std::string>{}, "returns.gcc.O0.dwarf4", "returns.gcc.O2.dwarf5"));
  CHECK(WhereReturned(program, "MakeCounted") == "[rax]");
  CHECK(WhereReturned(program, "Unique") == "[rax]");
  CHECK(WhereReturned(program, "MakeDefaulted") == "{rax}");
}

TEST_CASE("A compiler that does not say how a class is passed leaves no guess") {
  const Program program(GENERATE(as<std::string>{}, "returns.clang.O0.dwarf4", "returns.clang.O2.dwarf5"));
  for (const char* function : {"MakeCounted", "Unique"}) {
    const std::string where = WhereReturned(program, function);
    INFO(where);
    CHECK((where == "[rax]" || where.find("does not tell to be trivial") != std::string::npos));
  }
}

TEST_CASE("A value that the compiler may have dropped is not taken for one") {
  const Program gcc("returns.gcc.O2.dwarf5");
  const Program clang("returns.clang.O2.dwarf5");
  CHECK(CheckReturnsByAbi(gcc.module(), ScopeOf(gcc, "Double")).ok());
  CHECK(CheckReturnsByAbi(clang.module(), ScopeOf(clang, "Double")).ok());
  CHECK(absl::IsUnimplemented(CheckReturnsByAbi(gcc.module(), ScopeOf(gcc, "Unused"))));
  CHECK(absl::IsUnimplemented(CheckReturnsByAbi(clang.module(), ScopeOf(clang, "Unused"))));
  // Link-time optimisation knows all callers of functions that are external by their source.
  const Program linked("returns.clang.O2.lto");
  CHECK(absl::IsUnimplemented(CheckReturnsByAbi(linked.module(), ScopeOf(linked, "Double"))));
  const Program plain("returns.clang.O0.dwarf4");
  CHECK(CheckReturnsByAbi(plain.module(), ScopeOf(plain, "Unused")).ok());
}

TEST_CASE("What lies in the frame or in a register of the caller does not outlive the function") {
  CHECK(SurvivesReturn(RegisterNode(5)));
  CHECK(SurvivesReturn(MemoryNode(BinaryNode(v1::OP_ADD, RegisterNode(kRipRegister), ConstantNode(64)))));
  CHECK(SurvivesReturn(VectorNode(3)));
  CHECK_FALSE(SurvivesReturn(RegisterNode(3)));
  CHECK_FALSE(SurvivesReturn(RegisterNode(6)));
  CHECK_FALSE(SurvivesReturn(MemoryNode(BinaryNode(v1::OP_ADD, RegisterNode(7), ConstantNode(8)))));
}

}  // namespace dlog::dwarf
