// SPDX-License-Identifier: Apache-2.0
//
// Parameters before the prologue has stored them. Without variable tracking (-O0, -fno-var-tracking, clang's allocas)
// DWARF gives a parameter one stack slot for the whole function, in which there is nothing yet at the function's entry.
#pragma once

#include "absl/status/status.h"
#include "plan.pb.h"
#include "symbolizer/base/addresses.h"
#include "symbolizer/code/frame_trace.h"
#include "symbolizer/dwarf/module.h"
#include "symbolizer/dwarf/scopes.h"

namespace dlog::dwarf {

// FailedPrecondition when the parameter, whose only location is `location`, is in a stack slot of its function that is
// not proven to be stored at `probe`.
absl::Status CheckStored(const Module& module, const FunctionScope& scope, const Dwarf_Die& parameter,
                         const v1::Node& location, LinkAddress probe);

// FailedPrecondition when rsp at `probe` is not proven to be what it is in the body of the function: locations given
// relative to it (clang's frame base, gcc's realigned frames) mean that one.
absl::Status CheckStackPointer(const Module& module, const Dwarf_Die& function, LinkAddress probe);

// Whether CheckStored fails at `address` for a parameter of the function that `scope` is an instance of.
bool AwaitsPrologue(const Module& module, const FunctionScope& scope, LinkAddress address);

// Whether every execution of the function comes to `address`, which lies behind its entry, before it branches away.
bool AlwaysReached(const Module& module, const FunctionScope& scope, LinkAddress address);

}  // namespace dlog::dwarf
