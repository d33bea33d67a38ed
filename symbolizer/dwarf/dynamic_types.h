// SPDX-License-Identifier: Apache-2.0
//
// What class an object of a polymorphic class really has: its vtable pointer against the vtable symbols of the module
// (Itanium C++ ABI 2.5).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "symbolizer/base/addresses.h"
#include "symbolizer/dwarf/module.h"

namespace dlog::dwarf {

// A class with more derived ones is shown as what it was declared: each costs a comparison in the kernel.
inline constexpr size_t kMaxDerivedClasses = 12;

struct DerivedClass {
  Dwarf_Die type;
  std::string name;    // qualified
  uint64_t offset;     // of the base class in it
  LinkAddress vtable;  // what the base's vtable pointer holds in such an object
};

// The classes derived from `base` of which the module has the vtable under its symbol; empty when `base` has no vtable
// pointer at its start, there are more than kMaxDerivedClasses, or the module is too large to look for them. Left out:
// classes with virtual bases, in anonymous namespaces, and those that have `base` more than once.
std::vector<DerivedClass> DerivedClassesOf(const Module& module, const Dwarf_Die& base);

}  // namespace dlog::dwarf
