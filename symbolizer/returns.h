// SPDX-License-Identifier: Apache-2.0
//
// Where functions return: the instructions that leave them.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "symbolizer/dwarf/line_index.h"
#include "symbolizer/dwarf/module.h"
#include "symbolizer/statements.h"

namespace dlog::symbolizer {

// The exits of every function called `name` (code::FindExits), as sites with at_return set; file and line are those of
// the first function's entry. What is not seen is a warning: inlined copies, jumps of which a hit does not tell whether
// they leave the function.
// Empty sites when there is no such function. FailedPrecondition when there is, but none that returns.
absl::StatusOr<LocatedLine> LocateReturns(const dwarf::Module& module, const dwarf::LineIndex& lines,
                                          std::string_view name);

}  // namespace dlog::symbolizer
