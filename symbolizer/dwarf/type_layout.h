// SPDX-License-Identifier: Apache-2.0
//
// What one type DIE says about itself, without following its references: kinds, members with offsets, enumerators,
// dimensions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "plan.pb.h"
#include "symbolizer/dwarf/die.h"

namespace dlog::dwarf {

inline constexpr size_t kMaxFields = 2048;
inline constexpr size_t kMaxEnumerators = 4096;
inline constexpr size_t kMaxDimensions = 16;

// Without typedefs and cv-qualifiers; none = void.
std::optional<Dwarf_Die> StripTypedefs(std::optional<Dwarf_Die> type);

v1::TypeKind KindOf(const Dwarf_Die& core);

struct MemberLayout {
  Dwarf_Die die;
  v1::Field field;  // without `type`
};
// Bases first, then members in declaration order; static members are not fields. None when a member's place is not a
// constant or there are too many of them.
std::optional<std::vector<MemberLayout>> MembersOf(const Dwarf_Die& definition);

// Whether the class is the closure of a lambda that captures `this`.
bool CapturesThis(const Dwarf_Die& definition);

// Fills enumerators, is_flag_enum and is_signed.
void FillEnumeration(const Dwarf_Die& core, v1::Type* type);

// The value of an enumerator that the class itself declares; none when it has no such.
std::optional<int64_t> EnumeratorOf(const Dwarf_Die& definition, std::string_view name);

// A pointer to a data member as an enumeration of the offsets of the members that it can point to, by their names.
void FillMemberPointer(const Dwarf_Die& core, std::string_view owner_name, v1::Type* type);

// The virtual functions of a class, as an enumeration of what a pointer to one of them holds in its first word. Those
// that it has from its bases are not among them.
void FillVirtualFunctions(const Dwarf_Die& definition, std::string_view owner_name, v1::Type* type);

// Elements per dimension, outermost first; 0 = unknown. At least one.
std::vector<uint64_t> DimensionsOf(const Dwarf_Die& array);

// The number of elements of a variable-length array (DWARF 5 section 5.13): what `attribute` refers to or computes,
// plus `offset`.
struct ComputedBound {
  Dwarf_Attribute attribute{};        // an expression, unless `variable` is set
  std::optional<Dwarf_Die> variable;  // has the number as its value
  int64_t offset = 0;
};
// That of the outermost dimension; none when it is a constant or not known.
std::optional<ComputedBound> ComputedBoundOf(const Dwarf_Die& array);

}  // namespace dlog::dwarf
