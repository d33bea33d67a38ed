// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "symbolizer/dwarf/module.h"

namespace dlog::dwarf {

// A type that nests deeper, or whose name gets longer, is cut short with "...".
inline constexpr size_t kMaxTypeName = 16384;

// Qualified name as DWARF spells it, composed the way gdb does: "const char *", "shop::Order &", "int (*)(int)", "int
// [3]". None is void.
std::string RawTypeName(const Module& module, const std::optional<Dwarf_Die>& type);

}  // namespace dlog::dwarf
