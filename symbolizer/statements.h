// SPDX-License-Identifier: Apache-2.0
//
// Which addresses a line or a function stands for: one per function instance, inlined copy and block, as gdb would
// place its breakpoints (linespec.c: one location per block).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "symbolizer/base/addresses.h"
#include "symbolizer/dwarf/line_index.h"
#include "symbolizer/dwarf/location_list.h"
#include "symbolizer/dwarf/module.h"
#include "symbolizer/dwarf/scopes.h"

namespace dlog::symbolizer {

struct StatementSite {
  LinkAddress address;
  uint32_t file = 0;  // in the rows of scope.unit
  dwarf::FunctionScope scope;
  // As in dwarf::ProbePoint.
  bool at_return = false;
  std::string no_return_value = {};
  dwarf::View view = dwarf::kLastView;
  LinkAddress entry = {};  // at_return: where the function begins
};

struct LocatedLine {
  std::string file;
  uint32_t line = 0;
  uint32_t requested_line = 0;
  std::string moved_reason;  // when line != requested_line
  std::vector<StatementSite> sites;
  std::vector<std::string> warnings;
};

// The statements of `line`, or of the next line with code inside the same function.
// NotFound when the line is in no function: names the nearest lines with code.
absl::StatusOr<LocatedLine> LocateLine(const dwarf::Module& module, const dwarf::LineIndex& lines,
                                       const dwarf::SourceFile& file, uint32_t line);

// The row that covers `address` and so tells its file and line; null when there is none.
const dwarf::LineRow* CoveringRow(const std::vector<dwarf::LineRow>& rows, LinkAddress address);

// The statements after the prologue of every instance of the functions called `name`. Empty sites when there is no such
// function.
absl::StatusOr<LocatedLine> LocateFunction(const dwarf::Module& module, const dwarf::LineIndex& lines,
                                           std::string_view name);

// All lines of `file` with code, ascending, each with its statements.
absl::StatusOr<std::vector<LocatedLine>> LocateAllLines(const dwarf::Module& module, const dwarf::LineIndex& lines,
                                                        const dwarf::SourceFile& file);

}  // namespace dlog::symbolizer
