// SPDX-License-Identifier: Apache-2.0
//
// Functions that were made for one type each and so tell it: std::any::_Manager_internal<int>::_S_manage.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "symbolizer/base/addresses.h"
#include "symbolizer/dwarf/module.h"

namespace dlog::dwarf {

// Each costs a comparison in the kernel; of more the last ones, by address, are left out.
inline constexpr size_t kMaxTypeFunctions = 24;

struct TypeFunction {
  LinkAddress function;
  Dwarf_Die argument;  // DW_TAG_template_type_parameter, the first of the function's class
};

// The functions with a symbol whose demangled name, without parameters, `matches`, by ascending address. `part` is an
// identifier in all those names. Left out: functions of one address (identical code folding), those without debug
// information.
std::vector<TypeFunction> TypeFunctionsNamed(const Module& module, std::string_view part,
                                             const std::function<bool(const std::string&)>& matches);

}  // namespace dlog::dwarf
