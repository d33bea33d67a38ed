// SPDX-License-Identifier: Apache-2.0
//
// The calls of a function that the debug information describes (DWARF 5 section 3.4), and whether the address that the
// function returns to tells which of them it was.
#pragma once

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "symbolizer/base/addresses.h"
#include "symbolizer/dwarf/module.h"

namespace dlog::dwarf {

// A function called from more places than this gets no entry values: the plan would be too large.
inline constexpr size_t kMaxCallSites = 64;

// Indirect calls of one unit that are considered: each is a case of the plan.
inline constexpr size_t kMaxIndirectCallSites = 16;

// What shows that the call was one of this function.
enum class CallTarget {
  kDirect,     // the instruction
  kSlot,       // a word of the module, at the hit: calls through the procedure linkage table, or as it does
  kExpression  // DW_AT_call_target, evaluated in the caller's frame at the hit
};

struct CallSite {
  LinkAddress return_address;
  Dwarf_Die die;     // DW_TAG_call_site or DW_TAG_GNU_call_site
  Dwarf_Die caller;  // the concrete DW_TAG_subprogram around it
  CallTarget target = CallTarget::kDirect;
  LinkAddress slot = {};  // kSlot
};

struct Callers {
  std::vector<CallSite> sites;
  size_t undescribed = 0;  // direct calls without a call site in the debug information
  // Not OK when a return address does not prove the call: the function may be entered anew by tail calls that leave the
  // return address of an earlier call in place. One line for the user.
  absl::Status status;
};

// The calls of the function of `module` that starts at `entry`: those that its address is an operand of, those through
// the module's own slots for it, and those through pointers in the function's unit whose target the debug information
// tells. Others, and all from other modules, are not among them: their return addresses are none of these. Remembered
// by the module.
const Callers& CallersOf(const Module& module, LinkAddress entry);

// Whether the debug information of `function` claims to describe all of its tail calls.
bool DescribesAllTailCalls(const Dwarf_Die& function);
// Whether the debug information of `function` describes the instruction of `length` bytes at `jump` as a tail call.
bool IsTailCallAt(const Dwarf_Die& function, LinkAddress jump, uint64_t length);

// The concrete DW_TAG_subprogram that contains `address`; looks at no more of the unit than it must.
std::optional<Dwarf_Die> SubprogramAt(const Module& module, LinkAddress address);

}  // namespace dlog::dwarf
