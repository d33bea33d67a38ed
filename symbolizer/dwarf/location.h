// SPDX-License-Identifier: Apache-2.0
//
// Where a variable lives at an address: DWARF location descriptions (DWARF 5 sections 2.5 and 2.6) turned into plan
// Nodes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "plan.pb.h"
#include "symbolizer/base/addresses.h"
#include "symbolizer/dwarf/location_list.h"
#include "symbolizer/dwarf/module.h"
#include "symbolizer/dwarf/scopes.h"

namespace dlog::dwarf {

// Where the location is looked up and where the registers will be read. They differ when a site was moved.
struct ProbePoint {
  LinkAddress statement;  // A: selects the location-list entry
  LinkAddress probe;      // I: registers, CFA and rip are those at this instruction
  // The CFA is not looked up but stands as the register kCfaMarker: shows which registers a location itself reads.
  bool mark_cfa = false;
  // Registers that hold something else at the probe than at the statement: what they held there, as machine words over
  // the registers at the probe. Null: none. Not owned.
  const std::map<uint32_t, v1::Node>* recovered = nullptr;
  // The statement leaves the function: its frame and the registers that it had saved are the caller's again.
  bool at_return = false;
  // at_return: why the value is not where the ABI returns it; empty when it is there.
  std::string no_return_value = {};
  // The probe knows what the registers of arguments held at the entry of the scope's subprogram (Node.at_entry).
  bool recover = false;
  // Which of the statements that begin at that address: selects between entries that begin or end there.
  View view = kLastView;
  // at_return: why the time of the call is not known; empty when it is.
  std::string no_duration = {};
};

// The value of `variable` as a Node without types set (the caller sets `type` on the outermost node):
//   in memory          memory { address }            globals are rip-relative: rip + (address - probe)
//   in a register      reg, or vector for xmm0 to xmm15
//   DW_OP_stack_value  a machine-word value
//   constant           constant (DW_AT_const_value, DW_OP_implicit_value)
//   DW_OP_piece        composite; pieces without location are `unavailable`
//   entry value        select by the return address (frame.h); with ProbePoint::recover at_entry
//   implicit pointer   implicit_pointer; its target, when that has a location, as if asked for itself
// Errors: FailedPrecondition "optimized out at 0x..." when no entry covers the statement (or several that differ), when
// only the value at the function's entry is known, or when the prologue has not stored the parameter yet; Unimplemented
// naming the operation or register class that cannot be captured (xmm16 and up, x87, the thread-local variables of some
// libraries); InvalidArgument for a malformed description (this variable only).
absl::StatusOr<v1::Node> LocationOf(const Module& module, const FunctionScope& scope, const Dwarf_Die& variable,
                                    ProbePoint point);

// The machine word that the expression in `attribute` computes there: an array's bound. Errors as LocationOf.
absl::StatusOr<v1::Node> ComputedWord(const Module& module, const FunctionScope& scope, Dwarf_Attribute& attribute,
                                      ProbePoint point);

// Whether DWARF gives `variable` one location description for all of its scope, not a list.
bool HasSingleLocation(const Dwarf_Die& variable);

// Address ranges in which `variable` has a location (DWARF says nothing about other addresses). A variable with a
// single location description counts as available in the whole function; LocationOf knows better about its prologue.
std::vector<AddressRange> AvailableRanges(const Module& module, const FunctionScope& scope, const Dwarf_Die& variable);

// The CFA at `address` as a machine-word Node over the registers there (CFI from .debug_frame or .eh_frame).
absl::StatusOr<v1::Node> CfaAt(const Module& module, LinkAddress address);

// "rdi", "[rsp+0x18]", "[[rdi]+8]", "constant", "{rax, [rsp+8]}": for people.
std::string DescribeLocation(const v1::Node& node);

}  // namespace dlog::dwarf
