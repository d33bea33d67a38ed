// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/statements.h"

#include <dwarf.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "symbolizer/base/status_hint.h"
#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/prologue.h"

namespace dlog::symbolizer {
namespace {

constexpr size_t kMostNearestLines = 4;

// A statement row of one unit.
struct Row {
  const dwarf::UnitFile* unit = nullptr;
  LinkAddress address;
  dwarf::View view = 0;
  bool empty = false;
};

// All statement rows of `file` by line. Rows of one unit stay in line-table order, those with instructions first.
absl::StatusOr<std::map<uint32_t, std::vector<Row>>> StatementRows(const dwarf::Module& module,
                                                                   const dwarf::LineIndex& lines,
                                                                   const dwarf::SourceFile& file) {
  std::map<uint32_t, std::vector<Row>> by_line;
  for (const dwarf::UnitFile& unit : file.units) {
    auto rows = lines.Rows(unit.unit);
    if (!rows.ok()) return rows.status();
    for (const dwarf::LineRow& row : **rows) {
      if (row.end_sequence || !row.is_stmt || row.repeated || row.file != unit.file || row.line == 0) continue;
      by_line[row.line].push_back({&unit, row.address, dwarf::ViewOf(module, unit.unit, row), row.empty});
    }
  }
  for (auto& [line, rows] : by_line)
    std::stable_partition(rows.begin(), rows.end(), [](const Row& r) { return !r.empty; });
  return by_line;
}

// gcc and clang at -O0 set the frame up with these; locations based on the frame are wrong before they have run.
bool StartsWithFrameSetup(const dwarf::Module& module, LinkAddress entry) {
  constexpr size_t kMost = 8;
  auto code = module.binary().CodeAt(entry, kMost);
  if (!code.ok()) return false;
  std::span<const uint8_t> bytes = *code;
  static constexpr uint8_t kEndbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
  static constexpr uint8_t kPushMov[] = {0x55, 0x48, 0x89, 0xe5};
  const auto starts_with = [](std::span<const uint8_t> text, const auto& prefix) {
    return text.size() >= std::size(prefix) && std::equal(std::begin(prefix), std::end(prefix), text.begin());
  };
  if (starts_with(bytes, kEndbr64)) bytes = bytes.subspan(std::size(kEndbr64));
  return starts_with(bytes, kPushMov);
}

// An address and which of the statements that begin there.
struct Point {
  LinkAddress address;
  dwarf::View view = 0;
};

// The first statement at an address.
Point FirstAt(const dwarf::Module& module, const std::vector<dwarf::LineRow>& rows, const Dwarf_Die& unit,
              LinkAddress address) {
  const auto first = std::find_if(
      rows.begin(), rows.end(), [&](const dwarf::LineRow& row) { return row.address == address && !row.end_sequence; });
  return {address, first == rows.end() ? 0 : dwarf::ViewOf(module, unit, *first)};
}

// Where the body of a function begins: the row marked prologue_end; else, when the frame is set up or parameters are
// stored first, the first row behind that; else `entry` itself (optimised code describes its variables from the first
// instruction on).
Point AfterPrologue(const dwarf::Module& module, const std::vector<dwarf::LineRow>& rows,
                    const dwarf::FunctionScope& scope, Point start) {
  constexpr size_t kMostRowsTried = 4;
  const LinkAddress entry = start.address;
  const auto range = std::find_if(scope.ranges.begin(), scope.ranges.end(),
                                  [&](const dwarf::AddressRange& r) { return r.Contains(entry); });
  if (range == scope.ranges.end()) return start;
  std::set<LinkAddress> later;
  for (const dwarf::LineRow& row : rows) {
    if (row.end_sequence || !range->Contains(row.address)) continue;
    if (row.prologue_end) return {row.address, dwarf::ViewOf(module, scope.unit, row)};
    if (row.address > entry && row.line != 0) later.insert(row.address);
    if (later.size() > kMostRowsTried) later.erase(std::prev(later.end()));
  }
  if (later.empty()) return start;
  if (dwarf::AwaitsPrologue(module, scope, entry)) {
    for (LinkAddress row : later) {
      if (!dwarf::AlwaysReached(module, scope, row)) break;
      if (!dwarf::AwaitsPrologue(module, scope, row)) return FirstAt(module, rows, scope.unit, row);
    }
  }
  return StartsWithFrameSetup(module, entry) ? FirstAt(module, rows, scope.unit, *later.begin()) : start;
}

LinkAddress EntryOf(const dwarf::FunctionScope& scope) {
  Dwarf_Addr entry = 0;
  Dwarf_Die die = scope.die;
  if (!scope.by_symbol && dwarf_entrypc(&die, &entry) == 0) return LinkAddress{entry};
  return scope.ranges.empty() ? LinkAddress{0} : scope.ranges.front().begin;
}

// Collapses the rows of one line to its sites: as gdb does, one for each innermost block that has a row of the line.
// The scope is that of the function whose source the line is, which need not be the innermost inlined copy.
absl::StatusOr<std::vector<StatementSite>> SitesOf(const dwarf::Module& module, const dwarf::LineIndex& lines,
                                                   uint32_t line, const std::vector<Row>& rows) {
  std::vector<StatementSite> sites;
  // A function without a DIE is told by where it begins.
  using Key = std::pair<Dwarf_Off, LinkAddress>;
  std::set<Key> blocks;
  std::set<LinkAddress> seen;
  std::set<Key> functions;
  for (const Row& row : rows) {
    auto innermost = dwarf::FunctionAt(module, row.unit->unit, row.address);
    auto scope = dwarf::FunctionOfStatement(module, row.unit->unit, row.address, row.unit->file, line, row.view);
    // Code of no function: how far it reaches cannot be said.
    if (!innermost.ok() || !scope.ok()) continue;
    // A row without instructions stands for the line only in a function where no other row does.
    const LinkAddress begin = scope->by_symbol ? scope->ranges.front().begin : LinkAddress{0};
    const bool first_in_function = functions.insert({dwarf_dieoffset(&scope->die), begin}).second;
    if (row.empty && !first_in_function) continue;
    // Nor where all code of its function is gone, and what is there is another's: a constructor that only sets a
    // vtable.
    if (row.empty && !sites.empty() && !scope->has_line) continue;
    Dwarf_Die block = innermost->blocks.empty() ? innermost->die : innermost->blocks.front();
    Point at{row.address, row.view};
    if (!scope->inlined && at.address == EntryOf(*scope)) {
      auto unit_rows = lines.Rows(row.unit->unit);
      if (!unit_rows.ok()) return unit_rows.status();
      at = AfterPrologue(module, **unit_rows, *scope, at);
      if (at.address != row.address) {
        auto moved = dwarf::FunctionAt(module, row.unit->unit, at.address, &scope->die);
        if (moved.ok()) scope = std::move(moved);
      }
    }
    if (!blocks.insert({dwarf_dieoffset(&block), begin}).second || !seen.insert(at.address).second) continue;
    sites.push_back({at.address, row.unit->file, *std::move(scope), false, "", at.view});
  }
  std::stable_sort(sites.begin(), sites.end(),
                   [](const StatementSite& a, const StatementSite& b) { return a.address < b.address; });
  return sites;
}

// The line on which the function is declared in the source, through abstract origins; 0 when unknown.
uint32_t DeclarationLine(const dwarf::FunctionScope& scope) {
  Dwarf_Die die = scope.die;
  Dwarf_Attribute attribute;
  Dwarf_Word line = 0;
  if (dwarf_formudata(dwarf_attr_integrate(&die, DW_AT_decl_line, &attribute), &line) != 0) return 0;
  return static_cast<uint32_t>(line);
}

// Why a line has no statement: it has no code, or only in the middle of the statements of other lines.
absl::StatusOr<std::string> WhyNone(const dwarf::LineIndex& lines, const dwarf::SourceFile& file, uint32_t line) {
  for (const dwarf::UnitFile& unit : file.units) {
    auto rows = lines.Rows(unit.unit);
    if (!rows.ok()) return rows.status();
    const bool some = std::any_of((*rows)->begin(), (*rows)->end(), [&](const dwarf::LineRow& row) {
      return !row.end_sequence && row.file == unit.file && row.line == line;
    });
    if (some) return "has no statement of its own: its instructions are in the middle of those of other lines";
  }
  return "has no code";
}

absl::Status NoCodeHere(const dwarf::Module& module, const dwarf::SourceFile& file, uint32_t line,
                        const std::string& why, const std::map<uint32_t, std::vector<Row>>& by_line) {
  std::vector<uint32_t> nearest;
  nearest.reserve(by_line.size());
  for (const auto& [candidate, rows] : by_line) nearest.push_back(candidate);
  const auto distance = [line](uint32_t l) { return l > line ? l - line : line - l; };
  std::stable_sort(nearest.begin(), nearest.end(), [&](uint32_t a, uint32_t b) { return distance(a) < distance(b); });
  if (nearest.size() > kMostNearestLines) nearest.resize(kMostNearestLines);
  std::sort(nearest.begin(), nearest.end());
  if (const auto rows = by_line.find(line); rows != by_line.end()) {
    for (const Row& row : rows->second) {
      if (absl::Status content = dwarf::CheckContent(module, row.unit->unit); !content.ok()) return content;
    }
    return WithHint(
        absl::NotFoundError(absl::StrCat("line ", line, " of ", file.path,
                                         " has code, but neither debug information nor symbols tell of what "
                                         "function")),
        "keep the symbol table, or compile with -g");
  }
  absl::Status status = absl::NotFoundError(absl::StrCat("line ", line, " of ", file.path, " ", why));
  if (nearest.empty()) return status;
  return WithHint(std::move(status), absl::StrCat("nearest lines with code: ", absl::StrJoin(nearest, ", ")));
}

}  // namespace

absl::StatusOr<LocatedLine> LocateLine(const dwarf::Module& module, const dwarf::LineIndex& lines,
                                       const dwarf::SourceFile& file, uint32_t line) {
  auto by_line = StatementRows(module, lines, file);
  if (!by_line.ok()) return by_line.status();
  LocatedLine located;
  located.file = file.path;
  located.requested_line = line;
  const auto why = WhyNone(lines, file, line);
  if (!why.ok()) return why.status();
  for (auto it = by_line->lower_bound(line); it != by_line->end(); ++it) {
    auto sites = SitesOf(module, lines, it->first, it->second);
    if (!sites.ok()) return sites.status();
    if (it->first != line) {
      // Only inside the function that already began at or above the requested line.
      std::erase_if(*sites, [line](const StatementSite& site) {
        const uint32_t declared = DeclarationLine(site.scope);
        return declared == 0 || declared > line;
      });
    }
    if (sites->empty()) {
      if (it->first == line) continue;
      break;
    }
    located.line = it->first;
    located.sites = *std::move(sites);
    if (it->first != line) located.moved_reason = absl::StrCat("line ", line, " ", *why);
    return located;
  }
  return NoCodeHere(module, file, line, *why, *by_line);
}

const dwarf::LineRow* CoveringRow(const std::vector<dwarf::LineRow>& rows, LinkAddress address) {
  const dwarf::LineRow* covering = nullptr;
  for (const dwarf::LineRow& row : rows) {
    if (row.end_sequence || row.line == 0 || row.address > address) continue;
    if (covering == nullptr || row.address >= covering->address) covering = &row;
  }
  return covering;
}

absl::StatusOr<LocatedLine> LocateFunction(const dwarf::Module& module, const dwarf::LineIndex& lines,
                                           std::string_view name) {
  LocatedLine located;
  auto matches = dwarf::FunctionsNamed(module, name);
  if (!matches.ok()) return matches.status();
  std::set<LinkAddress> seen;
  for (const dwarf::FunctionMatch& match : *matches) {
    auto rows = lines.Rows(match.unit);
    if (!rows.ok()) return rows.status();
    Point at = match.inlined ? Point{match.entry, dwarf::EntryView(match.die)}
                             : FirstAt(module, **rows, match.unit, match.entry);
    if (!match.inlined) {
      auto entry_scope = dwarf::FunctionAt(module, match.unit, match.entry, &match.die);
      if (!entry_scope.ok()) continue;
      at = AfterPrologue(module, **rows, *entry_scope, at);
    }
    auto scope = dwarf::FunctionAt(module, match.unit, at.address, &match.die);
    if (!scope.ok() || !seen.insert(at.address).second) continue;
    const dwarf::LineRow* covering = CoveringRow(**rows, at.address);
    if (covering == nullptr) continue;
    if (located.sites.empty()) {
      located.line = located.requested_line = covering->line;
      located.file = lines.FilePath(match.unit, covering->file);
    }
    if (match.is_symbol) {
      located.warnings.push_back(
          absl::StrCat(match.name, " has the code of ", scope->name, ": calls of both are seen"));
    }
    located.sites.push_back({at.address, covering->file, *std::move(scope), false, "", at.view});
  }
  return located;
}

absl::StatusOr<std::vector<LocatedLine>> LocateAllLines(const dwarf::Module& module, const dwarf::LineIndex& lines,
                                                        const dwarf::SourceFile& file) {
  auto by_line = StatementRows(module, lines, file);
  if (!by_line.ok()) return by_line.status();
  std::vector<LocatedLine> all;
  for (const auto& [line, rows] : *by_line) {
    auto sites = SitesOf(module, lines, line, rows);
    if (!sites.ok()) return sites.status();
    if (sites->empty()) continue;
    all.push_back({file.path, line, line, "", *std::move(sites), {}});
  }
  return all;
}

}  // namespace dlog::symbolizer
