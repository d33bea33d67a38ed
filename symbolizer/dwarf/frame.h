// SPDX-License-Identifier: Apache-2.0
//
// One activation of a function at a hit: its registers, CFA and frame base as Nodes over the registers of the probed
// instruction, and the values that its parameters had when it was entered.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>

#include "absl/status/statusor.h"
#include "plan.pb.h"
#include "symbolizer/base/addresses.h"
#include "symbolizer/dwarf/expression.h"
#include "symbolizer/dwarf/module.h"

namespace dlog::dwarf {

struct CallSite;

// Callers of callers that are asked for a value. Each level multiplies the cases of the plan.
inline constexpr int kMaxCallerDepth = 2;

// Lives on the stack while one location is evaluated; a caller's frame must not outlive the frame it called.
class Frame {
 public:
  // The frame of `function` (the concrete DW_TAG_subprogram) at the probed instruction. `mark_cfa`, `recover`: as in
  // ProbePoint.
  Frame(const Module& module, const Dwarf_Die& function, LinkAddress probe, bool mark_cfa = false,
        bool recover = false);
  // The frame that made the call `site` to `callee`.
  Frame(const Frame& callee, const CallSite& site);
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  // General and vector registers and rip as they are in this frame. FailedPrecondition when a callee has not kept the
  // register.
  absl::StatusOr<v1::Node> Register(uint64_t reg) const;
  absl::StatusOr<v1::Node> Cfa() const;
  absl::StatusOr<v1::Node> FrameBase() const;

  // What `location` (the operand of DW_OP_entry_value) was at the function's entry, or the parameter `die` of it.
  absl::StatusOr<v1::Node> EntryValue(std::span<const Dwarf_Op> location) const;
  absl::StatusOr<v1::Node> ParameterValue(const Dwarf_Die& die) const;

  // For expressions that are evaluated in this frame. `attribute` may be null.
  ExpressionContext Context(Dwarf_Attribute* attribute) const;

 private:
  using Wanted = std::function<bool(const Dwarf_Die& parameter)>;  // picks a DW_TAG_call_site_parameter

  // What `reg` was in the caller, as the call frame information of this frame recovers it.
  absl::StatusOr<v1::Node> CallersRegister(uint64_t reg) const;
  absl::StatusOr<v1::Node> FromCallers(const Wanted& wanted) const;
  absl::StatusOr<v1::Node> ValueAtCall(const CallSite& site, const Wanted& wanted, LinkAddress entry) const;
  // Where the call `site` that `caller` has made went to, as an address at the hit.
  absl::StatusOr<v1::Node> TargetOfCall(const CallSite& site, const Frame& caller) const;

  const Module& module_;
  const Dwarf_Die function_;
  const Frame* const callee_ = nullptr;
  const LinkAddress pc_;     // for tables: inside the instruction that is being executed or has called
  const LinkAddress probe_;  // where the plan reads its registers
  const bool mark_cfa_ = false;
  const bool recover_ = false;
  const int depth_ = 0;
  mutable std::map<uint64_t, absl::StatusOr<v1::Node>> registers_;
};

}  // namespace dlog::dwarf
