// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/returns.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "symbolizer/base/status_hint.h"
#include "symbolizer/code/exits.h"
#include "symbolizer/dwarf/callers.h"
#include "symbolizer/dwarf/cfi.h"
#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/names.h"
#include "symbolizer/dwarf/symbols.h"

namespace dlog::symbolizer {
namespace {

constexpr uint64_t kMaxFunctionBytes = 4 << 20;

absl::StatusOr<std::vector<code::Exit>> ExitsOf(const dwarf::Module& module, const dwarf::FunctionScope& scope) {
  std::vector<dwarf::AddressRange> ranges = scope.by_symbol ? scope.ranges : dwarf::RangesOf(module, scope.subprogram);
  std::sort(ranges.begin(), ranges.end(), [](const auto& a, const auto& b) { return a.begin < b.begin; });
  std::vector<code::MappedBytes> function;
  for (const dwarf::AddressRange& range : ranges) {
    const uint64_t size = range.end.value - range.begin.value;
    if (size > kMaxFunctionBytes) return absl::UnimplementedError(absl::StrCat(scope.name, " is too large"));
    auto bytes = module.binary().CodeAt(range.begin, size);
    if (!bytes.ok()) return bytes.status();
    function.push_back({range.begin, *bytes});
  }
  return code::FindExits(function);
}

std::string Hex(LinkAddress address) { return absl::StrCat("0x", absl::Hex(address.value)); }

// Why the value is not there when the function is left by this jump.
std::string LeftByJump(const dwarf::Module& module, const code::Exit& exit) {
  std::string to = "another function";
  if (exit.target.has_value()) {
    const char* symbol = dwarf::FunctionSymbolAt(module, *exit.target);
    to = symbol != nullptr ? dwarf::Demangle(symbol) : absl::StrCat("the code at ", Hex(*exit.target));
  }
  return absl::StrCat("the function ends with a tail call at ", Hex(exit.address), ": ", to, " returns in its place");
}

enum class JumpKind { kTailCall, kWithin, kUnknown };

// What a jump to a computed address is. Before a tail call the frame has been taken down; a jump table needs none.
JumpKind KindOfJump(const dwarf::Module& module, const dwarf::FunctionScope& scope, const code::Exit& exit) {
  constexpr uint32_t kStackPointer = 7;
  constexpr int64_t kReturnAddress = 8;
  if (!scope.by_symbol && dwarf::IsTailCallAt(scope.subprogram, exit.address, exit.length)) return JumpKind::kTailCall;
  if (!scope.by_symbol && dwarf::DescribesAllTailCalls(scope.subprogram)) return JumpKind::kWithin;
  const auto frame = dwarf::CfaPosition(module, exit.address);
  const bool has_frame = frame.has_value() && (frame->base != kStackPointer || frame->offset != kReturnAddress);
  return has_frame ? JumpKind::kWithin : JumpKind::kUnknown;
}

// Adds the sites of one function.
absl::Status AddExits(const dwarf::Module& module, const dwarf::FunctionMatch& match, uint32_t file,
                      const std::vector<code::Exit>& exits, LocatedLine* out) {
  for (const code::Exit& exit : exits) {
    if (exit.kind == code::ExitKind::kConditionalJump) {
      out->warnings.push_back(absl::StrCat(match.name, " may end with the conditional jump at ", Hex(exit.address),
                                           ": those returns are not seen"));
      continue;
    }
    auto scope = dwarf::FunctionAt(module, match.unit, exit.address, &match.die);
    if (!scope.ok()) return scope.status();
    if (exit.kind == code::ExitKind::kIndirectJump) {
      const JumpKind jump = KindOfJump(module, *scope, exit);
      if (jump == JumpKind::kUnknown) {
        out->warnings.push_back(absl::StrCat(match.name, " may end with the jump at ", Hex(exit.address),
                                             " to a computed address: those returns are not seen"));
      }
      if (jump != JumpKind::kTailCall) continue;
    }
    StatementSite site{exit.address, file, *std::move(scope), true, ""};
    if (exit.kind != code::ExitKind::kReturn) site.no_return_value = LeftByJump(module, exit);
    site.entry = match.entry;
    out->sites.push_back(std::move(site));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LocatedLine> LocateReturns(const dwarf::Module& module, const dwarf::LineIndex& lines,
                                          std::string_view name) {
  auto matches = dwarf::FunctionsNamed(module, name);
  if (!matches.ok()) return matches.status();
  LocatedLine located;
  std::set<LinkAddress> seen;
  size_t inlined = 0;
  for (const dwarf::FunctionMatch& match : *matches) {
    if (match.inlined) {
      ++inlined;
      continue;
    }
    if (!seen.insert(match.entry).second) continue;
    auto rows = lines.Rows(match.unit);
    if (!rows.ok()) return rows.status();
    auto scope = dwarf::FunctionAt(module, match.unit, match.entry, &match.die);
    const dwarf::LineRow* row = CoveringRow(**rows, match.entry);
    if (!scope.ok() || row == nullptr) continue;
    if (located.file.empty()) {
      located.line = located.requested_line = row->line;
      located.file = lines.FilePath(match.unit, row->file);
    }
    auto exits = ExitsOf(module, *scope);
    if (!exits.ok()) return WithContext(exits.status(), match.name);
    if (absl::Status status = AddExits(module, match, row->file, *exits, &located); !status.ok()) return status;
  }
  if (inlined > 0) {
    located.warnings.push_back(absl::StrCat(inlined, " inlined cop", inlined == 1 ? "y" : "ies", " of ",
                                            std::string(name), " cannot be seen returning"));
  }
  if (located.sites.empty() && !matches->empty()) {
    return WithHint(absl::FailedPreconditionError(
                        seen.empty() ? absl::StrCat("every copy of ", std::string(name), " is inlined: none returns")
                                     : absl::StrCat(std::string(name), " has no instruction that returns")),
                    "use the line of a return statement");
  }
  return located;
}

}  // namespace dlog::symbolizer
