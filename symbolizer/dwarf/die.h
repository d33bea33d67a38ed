// SPDX-License-Identifier: Apache-2.0
//
// Small questions to a DIE, asked so that a malformed tree can neither loop nor recurse without end. libdw calls take
// non-const DIEs although they do not change them; these take copies.
#pragma once

#include <dwarf.h>
#include <elfutils/libdw.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "symbolizer/dwarf/module.h"
#include "symbolizer/dwarf/scopes.h"

namespace dlog::dwarf {

inline constexpr int kMaxDieDepth = 128;   // nesting of DIEs, and of types
inline constexpr int kMaxOriginHops = 16;  // abstract_origin / specification / typedef chains
inline constexpr size_t kMaxRangesPerDie = 65536;

inline int Tag(Dwarf_Die die) { return dwarf_tag(&die); }
inline bool SameDie(const Dwarf_Die& a, const Dwarf_Die& b) { return a.addr == b.addr; }

// Calls `visit` for each child; a false return stops. Bogus DW_AT_sibling values that lead backwards end the walk.
template <typename Visitor>
void ForEachChild(Dwarf_Die parent, Visitor&& visit) {
  Dwarf_Die child;
  if (dwarf_child(&parent, &child) != 0) return;
  while (true) {
    const void* at = child.addr;
    if (!visit(child)) return;
    Dwarf_Die next;
    if (dwarf_siblingof(&child, &next) != 0 || next.addr <= at) return;
    child = next;
  }
}

// Attributes of the DIE itself, and through DW_AT_abstract_origin / DW_AT_specification.
std::optional<Dwarf_Attribute> Own(Dwarf_Die die, unsigned attribute);
std::optional<Dwarf_Attribute> Inherited(Dwarf_Die die, unsigned attribute);
std::optional<uint64_t> UnsignedOf(Dwarf_Die die, unsigned attribute);
bool FlagOf(Dwarf_Die die, unsigned attribute);
std::optional<Dwarf_Die> ReferenceOf(Dwarf_Die die, unsigned attribute);  // of the DIE itself
std::optional<Dwarf_Die> TypeOf(Dwarf_Die die);                           // DW_AT_type, inherited; none = void

// The type itself for the nameless stub (DW_AT_declaration, DW_AT_signature) that stands for a type in a type unit.
Dwarf_Die ThroughSignature(const Dwarf_Die& die);

// DW_AT_name, inherited; empty when unnamed. Lives as long as the module.
const char* NameOf(Dwarf_Die die);
// The mangled name, inherited; empty when there is none.
const char* LinkageNameOf(Dwarf_Die die);

// The DIE at the end of the abstract_origin / specification chain: the declaration inside its class or namespace.
Dwarf_Die DeclarationOf(Dwarf_Die die);

// Address ranges of the DIE that hold code of the binary: empty and dead ranges (tombstones) are left out.
std::vector<AddressRange> RangesOf(const Module& module, Dwarf_Die die);
bool HasCodeAttributes(Dwarf_Die die);

Dwarf_Die UnitOf(Dwarf_Die die);
// The DIE with the content of a unit: of the .dwo file or package for a skeleton unit (none when that is missing), else
// itself.
std::optional<Dwarf_Die> ContentUnit(const Module& module, const Dwarf_Die& unit);
bool IsCpp(Dwarf_Die unit);
bool IsC(Dwarf_Die unit);

// Elements of a DW_TAG_subrange_type; none when flexible, of variable length or malformed.
std::optional<uint64_t> ElementCount(const Dwarf_Die& subrange);

// DW_AT_const_value of an enumerator, sign-extended as its form says.
std::optional<int64_t> EnumeratorValue(const Dwarf_Die& enumerator);

// A walk over all units lets go of the pages behind it each time it has seen this many: some 10 MB.
inline constexpr int kUnitsPerRelease = 128;

// Every compile unit (its content) and, when asked, partial and type units, which hold types only; false from `visit`
// stops.
void ForEachUnit(const Module& module, bool with_type_units, const std::function<bool(const Dwarf_Die&)>& visit);

// Every unit with a line table of its own: compile units, and skeletons in place of their contents (ContentUnit).
void ForEachCodeUnit(const Module& module, const std::function<bool(const Dwarf_Die&)>& visit);

}  // namespace dlog::dwarf
