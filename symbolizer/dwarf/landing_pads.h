// SPDX-License-Identifier: Apache-2.0
//
// Where exceptions enter a function.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "symbolizer/dwarf/module.h"
#include "symbolizer/dwarf/scopes.h"

namespace dlog::dwarf {

// The landing pads of all functions of the module that overlap `ranges`, from .eh_frame and .gcc_except_table
// (LSB "Exception Frames" and the Itanium C++ ABI's language-specific data area). InvalidArgument when either cannot be
// understood: then any address may be one.
absl::StatusOr<std::vector<uint64_t>> LandingPads(const Module& module, const std::vector<AddressRange>& ranges);

}  // namespace dlog::dwarf
