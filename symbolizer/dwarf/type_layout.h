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

// Fills enumerators, is_flag_enum and is_signed.
void FillEnumeration(const Dwarf_Die& core, v1::Type* type);

// A pointer to a data member as an enumeration of the offsets of the members that it can point to, by their names.
void FillMemberPointer(const Dwarf_Die& core, std::string_view owner_name, v1::Type* type);

// Elements per dimension, outermost first; 0 = unknown. At least one.
std::vector<uint64_t> DimensionsOf(const Dwarf_Die& array);

}  // namespace dlog::dwarf
