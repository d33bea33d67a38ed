// SPDX-License-Identifier: Apache-2.0
//
// Where a function's value is when it executes its return instruction (System V ABI, AMD64 supplement, section 3.2.3;
// Itanium C++ ABI, section 3.1.3), and which of its variables still have a place then.
#pragma once

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "plan.pb.h"
#include "symbolizer/dwarf/module.h"
#include "symbolizer/dwarf/scopes.h"
#include "symbolizer/dwarf/type_graph.h"

namespace dlog::dwarf {

// Whether `function` returns anything.
bool HasType(const Dwarf_Die& function);

// OK when the function of `scope` is proven to return its value as the ABI says. Unimplemented with the reason when the
// compiler was free to do otherwise: it drops values that no caller uses, from functions that only it sees.
absl::Status CheckReturnsByAbi(const Module& module, const FunctionScope& scope);

// The value of `type` as a Node without types set, as LocationOf: a register, a vector register, a composite of both,
// or memory whose address is in a register. `word` gives the machine word in a register (DWARF number) at the return.
// Unimplemented when it is in none of these (x87, wide vectors), or when the debug information does not tell how a
// class is passed.
absl::StatusOr<v1::Node> ReturnValueOf(TypeGraph* types, uint32_t type, const std::function<v1::Node(uint32_t)>& word);

// Whether what is at `location` is still the function's when it returns: neither in its stack frame nor in a register
// that the caller has got back.
bool SurvivesReturn(const v1::Node& location);

}  // namespace dlog::dwarf
