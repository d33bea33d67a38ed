// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <elfutils/libdw.h>

#include <string>

#include "symbolizer/dwarf/module.h"

namespace dlog::dwarf {

// The name of a type or function with its template arguments: clang's -gsimple-template-names leaves them out of
// DW_AT_name where the parameters in the DIE tell them ("vector" for "vector<int, std::allocator<int>>"). Otherwise
// DW_AT_name as it is; empty when unnamed.
std::string TemplateName(const Module& module, const Dwarf_Die& die);

}  // namespace dlog::dwarf
