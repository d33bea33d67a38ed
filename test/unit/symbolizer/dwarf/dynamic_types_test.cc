// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/dynamic_types.h"

#include "program.h"
#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/symbols.h"
#include "symbolizer/dwarf/type_layout.h"
#include "symbolizer/dwarf/type_lookup.h"
#include "test/catch.h"

namespace dlog::dwarf {
namespace {

Dwarf_Die Class(const Program& zoo, const std::string& name) {
  const std::optional<Dwarf_Die> found = ClassNamed(zoo.module(), name);
  INFO(name);
  REQUIRE(found.has_value());
  return *found;
}

TEST_CASE("A class derived from a polymorphic one is known by its vtable") {
  const Program zoo(GENERATE(as<std::string>{}, "zoo.gcc.O0.dwarf5", "zoo.clang.O0.dwarf4"));
  const auto derived = DerivedClassesOf(zoo.module(), Class(zoo, "zoo::Base"));
  REQUIRE(derived.size() == 1);
  CHECK(derived[0].name == "zoo::Derived");
  CHECK(derived[0].offset == 0);
  LinkAddress vtable;
  ForEachVtableSymbol(zoo.module(), [&](const char* name, LinkAddress address, uint64_t) {
    if (std::string_view(name) == "_ZTVN3zoo7DerivedE") vtable = address;
  });
  CHECK(derived[0].vtable.value == vtable.value + 16);
}

TEST_CASE("Objects without a vtable pointer are what they were declared") {
  const Program zoo("zoo.gcc.O0.dwarf5");
  CHECK(DerivedClassesOf(zoo.module(), Class(zoo, "zoo::Other")).empty());
  CHECK(DerivedClassesOf(zoo.module(), Class(zoo, "zoo::Derived")).empty());
}

TEST_CASE("A function in several ranges is entered where its symbol is, not where its cold part is") {
  const Program locals("locals.gcc.O2.dwarf5");
  std::optional<Dwarf_Die> main;
  ForEachUnit(locals.module(), false, [&](const Dwarf_Die& unit) {
    ForEachChild(unit, [&](const Dwarf_Die& child) {
      if (Tag(child) == DW_TAG_subprogram && std::string_view(NameOf(child)) == "main") main = child;
      return true;
    });
    return true;
  });
  REQUIRE(main.has_value());
  REQUIRE(RangesOf(locals.module(), *main).size() == 2);
  const auto entry = EntryOf(locals.module(), *main);
  REQUIRE(entry.has_value());
  CHECK(std::string_view(FunctionSymbolAt(locals.module(), *entry)) == "main");
}

}  // namespace
}  // namespace dlog::dwarf
