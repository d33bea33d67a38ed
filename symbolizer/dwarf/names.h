// SPDX-License-Identifier: Apache-2.0
//
// Function names: how they are shown and what a user may write for them.
#pragma once

#include <string>
#include <string_view>

#include "symbolizer/dwarf/module.h"

namespace dlog::dwarf {

inline constexpr size_t kMaxMangledName = 8192;

// The demangled form without "[clone ...]"; the input itself when it is not a mangled C++ name.
std::string Demangle(const char* mangled);

// "shop::Order::total(int) const"; for C just the name.
std::string FunctionName(const Module& module, const Dwarf_Die& unit, const Dwarf_Die& function);

// The part of a full name that a plain query has to equal: "total" of "shop::Order::total<int>(int) const".
std::string BaseName(std::string_view full);
// `full` without its parameter list and what follows it, and without a leading return type.
std::string WithoutParameters(std::string_view full);
// Without template arguments; operators keep their own brackets.
std::string WithoutTemplateArguments(std::string_view name);

// Whether `query` names the function `full`: "total", "Order::total", "shop::Order::total(int)".
bool NameMatches(std::string_view full, std::string_view query);

}  // namespace dlog::dwarf
