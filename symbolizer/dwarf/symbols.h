// SPDX-License-Identifier: Apache-2.0
//
// Function symbols of a module: for names that its DWARF does not have.
#pragma once

#include <functional>

#include "symbolizer/base/addresses.h"
#include "symbolizer/dwarf/module.h"

namespace dlog::dwarf {

// Those of the binary (.symtab, .dynsym) and of its debug file; the same one may come more than once. Names are mangled
// and live as long as the module.
void ForEachFunctionSymbol(const Module& module, const std::function<void(const char*, LinkAddress)>& visit);

// The name of a function that begins at `address`; nullptr when there is none. Of several the first in the table.
const char* FunctionSymbolAt(const Module& module, LinkAddress address);

}  // namespace dlog::dwarf
