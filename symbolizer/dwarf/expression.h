// SPDX-License-Identifier: Apache-2.0
//
// Symbolic evaluation of one DWARF expression (DWARF 5 sections 2.5 and 2.6) into a Node: nothing is read, the stack
// holds trees. Exact or an error; never an approximation.
#pragma once

#include <elfutils/libdw.h>

#include <functional>
#include <span>

#include "absl/status/statusor.h"
#include "plan.pb.h"
#include "symbolizer/base/addresses.h"

namespace dlog::dwarf {

inline constexpr size_t kMaxExpressionOps = 256;
inline constexpr size_t kMaxExpressionStack = 64;
inline constexpr size_t kMaxExpressionSteps = 1024;  // over all ways through the branches
inline constexpr int kMaxExpressionNesting = 8;      // branches within branches, calls within calls
// What the evaluator of the daemon and the plan compiler accept for one location.
inline constexpr size_t kMaxExpressionNodes = 1024;
inline constexpr size_t kMaxExpressionDepth = 24;
inline constexpr uint32_t kCfaMarker = 200;  // ProbePoint::mark_cfa; no register has this number
inline constexpr uint64_t kMaxPieceBytes = 1u << 16;

struct ExpressionContext {
  LinkAddress probe;                     // where the registers are read: rip-relative globals
  const v1::Node* initial = nullptr;     // on the stack at first: the object's address (DW_AT_data_member_location)
  Dwarf_Attribute* attribute = nullptr;  // the expression's attribute, for operands that refer elsewhere (base types)
  // General and vector registers and rip of the frame that the expression speaks of; null: those at the probe.
  std::function<absl::StatusOr<v1::Node>(uint64_t reg)> registers;
  std::function<absl::StatusOr<v1::Node>()> frame_base;                                     // DW_OP_fbreg
  std::function<absl::StatusOr<v1::Node>()> cfa;                                            // DW_OP_call_frame_cfa
  std::function<absl::StatusOr<v1::Node>(std::span<const Dwarf_Op> location)> entry_value;  // DW_OP_entry_value
  std::function<absl::StatusOr<v1::Node>(const Dwarf_Die& parameter)> parameter_value;      // DW_OP_GNU_parameter_ref
  // Where another variable or constant of the module is: the target of DW_OP_implicit_pointer and the operand
  // of DW_OP_GNU_variable_value. FailedPrecondition when
  // it has no value.
  std::function<absl::StatusOr<v1::Node>(const Dwarf_Die& object)> object;
  // The address of a thread-local variable of the module, by its offset: DW_OP_form_tls_address. `indexed`: the number
  // is from .debug_addr, where gcc puts the variable's place in the file's own image instead.
  std::function<absl::StatusOr<v1::Node>(uint64_t offset, bool indexed)> thread_local_address;
  // The operations of the location attribute of another DIE at the expression's address, for DW_OP_call*.
  std::function<absl::StatusOr<std::span<const Dwarf_Op>>(Dwarf_Attribute& location)> operations;
};

// What the expression says about the object: as LocationOf. FailedPrecondition when it is empty (optimized out).
absl::StatusOr<v1::Node> EvaluateLocation(std::span<const Dwarf_Op> ops, const ExpressionContext& context);

// What it computes as a machine word: a frame base or a CFA. A register location stands for the register's content.
absl::StatusOr<v1::Node> EvaluateAddress(std::span<const Dwarf_Op> ops, const ExpressionContext& context);

// What a register holds by it (DW_AT_call_value): as EvaluateAddress, and the bits of a floating-point number,
// zero-extended.
absl::StatusOr<v1::Node> EvaluateBits(std::span<const Dwarf_Op> ops, const ExpressionContext& context);

}  // namespace dlog::dwarf
