// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "symbolizer/dwarf/module.h"

namespace dlog::dwarf {

// A search for a nested class ("Order::Impl") walks every unit; more of them in one run would take too long.
inline constexpr int kMaxNestedTypeSearches = 32;

// The definition of a class, structure, union or enumeration DIE that may be a declaration: itself, its type unit
// (DW_AT_signature), or the definition of the same qualified name in its own unit, else in any other. None when there
// is none, or when units define different types under this name.
std::optional<Dwarf_Die> DefinitionOf(const Module& module, const Dwarf_Die& type);

// The class or structure of this qualified name at namespace scope, in any unit. None when there is none, or several.
std::optional<Dwarf_Die> ClassNamed(const Module& module, const std::string& name);

// The class that is the `n`th template argument in the name of a class, "allocator<std::pair<int const, long> >", as
// the compiler wrote it. None when there is no such argument, or not one class of that name.
std::optional<Dwarf_Die> ClassInName(const Module& module, std::string_view name, size_t n);

}  // namespace dlog::dwarf
