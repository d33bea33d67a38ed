// SPDX-License-Identifier: Apache-2.0
//
// Function symbols of a module: for names that its DWARF does not have.
#pragma once

#include <functional>
#include <optional>

#include "symbolizer/base/addresses.h"
#include "symbolizer/dwarf/module.h"

namespace dlog::dwarf {

struct FunctionSymbol {
  const char* name = nullptr;  // mangled; lives as long as the module
  LinkAddress begin;
  uint64_t size = 0;      // of its code in bytes; 0 = not said, as with assembly code
  bool is_local = false;  // no other file can refer to it, whatever DW_AT_external says: link-time optimisation
};

// Those of the binary (.symtab, .dynsym) and of its debug file; the same one may come more than once.
void ForEachFunctionSymbol(const Module& module, const std::function<void(const FunctionSymbol&)>& visit);

// The vtables (_ZTV...), with their sizes; the same one may come more than once.
void ForEachVtableSymbol(const Module& module,
                         const std::function<void(const char* mangled, LinkAddress address, uint64_t size)>& visit);

// Where the concrete function `die` is entered: its DW_AT_entry_pc or DW_AT_low_pc; of one in several ranges without
// those the range at whose start it has its symbol, which is not that of a part that was split off ("f.cold"). None
// when that is not known.
std::optional<LinkAddress> EntryOf(const Module& module, Dwarf_Die die);

// The name of a function that begins at `address`; nullptr when there is none. Of several the first in the table.
const char* FunctionSymbolAt(const Module& module, LinkAddress address);

// The function whose code, by its size, contains `address`; nullptr when there is none. Lives as long as the module.
const FunctionSymbol* FunctionSymbolAround(const Module& module, LinkAddress address);

}  // namespace dlog::dwarf
