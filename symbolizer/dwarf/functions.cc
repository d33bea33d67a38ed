// SPDX-License-Identifier: Apache-2.0
//
// Functions by name: every concrete instance and every inlined copy.
#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <unordered_map>

#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/edit_distance.h"
#include "symbolizer/dwarf/names.h"
#include "symbolizer/dwarf/scopes.h"
#include "symbolizer/dwarf/symbols.h"

namespace dlog::dwarf {
namespace {

// A function inlined more often than this is too hot and too common to be a useful breakpoint.
constexpr size_t kMaxFunctionMatches = 4096;

// DW_AT_name may carry template arguments; the query's base name never does here.
bool SameBase(std::string_view name, std::string_view base) {
  return name == base || (name.size() > base.size() && name.starts_with(base) && name[base.size()] == '<') ||
         (base.starts_with("operator") && WithoutTemplateArguments(name) == base);
}

// The unit whose code `address` is.
std::optional<Dwarf_Die> UnitAt(const Module& module, LinkAddress address) {
  std::optional<Dwarf_Die> out;
  ForEachCodeUnit(module, [&](const Dwarf_Die& unit) {
    Dwarf_Die copy = unit;
    if (dwarf_haspc(&copy, address.value) == 1) out = unit;
    return !out.has_value();
  });
  return out;
}

// Names that only the symbol table has: aliases, and functions whose code the linker has replaced by that of another
// with the same instructions (identical code folding).
std::vector<FunctionMatch> FunctionsBySymbol(const Module& module, std::string_view query) {
  std::vector<FunctionMatch> out;
  std::set<LinkAddress> seen;
  std::string base = BaseName(query);
  if (base.starts_with("~")) base.erase(0, 1);
  if (base.starts_with("operator")) base.clear();
  ForEachFunctionSymbol(module, [&](const FunctionSymbol& symbol) {
    const LinkAddress address = symbol.begin;
    // A mangled name contains the plain one, except for operators.
    if (out.size() >= kMaxFunctionMatches || std::string_view(symbol.name).find(base) == std::string_view::npos) return;
    const std::string name = Demangle(symbol.name);
    if (!NameMatches(name, query) || !module.binary().IsCode(address) || !seen.insert(address).second) return;
    const std::optional<Dwarf_Die> unit = UnitAt(module, address);
    if (!unit.has_value()) return;
    const auto scope = OutermostFunctionAt(module, *unit, address);
    if (scope.ok()) out.push_back({*unit, scope->die, false, name, address, !scope->by_symbol});
  });
  return out;
}

class FunctionSearch {
 public:
  FunctionSearch(const Module& module, std::string_view query)
      : module_(module), query_(query), base_(BaseName(query)) {}

  void Unit(const Dwarf_Die& unit) {
    const std::optional<Dwarf_Die> content = ContentUnit(module_, unit);
    if (!content.has_value()) return;
    unit_ = unit;
    content_ = *content;
    verdicts_.clear();
    Walk(content_, 0);
  }

  bool full() const { return out_.size() >= kMaxFunctionMatches; }
  std::vector<FunctionMatch> Take() { return std::move(out_); }

 private:
  void Walk(const Dwarf_Die& parent, int depth) {
    if (depth > kMaxDieDepth) return;
    ForEachChild(parent, [&](const Dwarf_Die& child) {
      if (full()) return false;
      switch (Tag(child)) {
        case DW_TAG_subprogram:
          if (!HasCodeAttributes(child)) return true;
          Consider(child, false);
          Walk(child, depth + 1);
          break;
        case DW_TAG_inlined_subroutine:
          Consider(child, true);
          Walk(child, depth + 1);
          break;
        case DW_TAG_namespace:
        case DW_TAG_lexical_block:
        case DW_TAG_class_type:
        case DW_TAG_structure_type:
        case DW_TAG_union_type:
        case DW_TAG_module:
          Walk(child, depth + 1);
          break;
        default:
          break;
      }
      return true;
    });
  }

  // Inlined copies share their origin, so the name is compared once per origin.
  void Consider(const Dwarf_Die& die, bool inlined) {
    const std::optional<Dwarf_Die> origin = ReferenceOf(die, DW_AT_abstract_origin);
    const void* key = origin.has_value() ? origin->addr : die.addr;
    auto [slot, added] = verdicts_.try_emplace(key);
    if (added && SameBase(NameOf(die), base_)) {
      std::string name = FunctionName(module_, content_, die);
      if (NameMatches(name, query_)) slot->second = std::move(name);
    }
    if (slot->second.empty()) return;
    const std::vector<AddressRange> ranges = RangesOf(module_, die);
    if (ranges.empty()) return;
    out_.push_back({unit_, die, inlined, slot->second, Entry(die, ranges), false});
  }

  LinkAddress Entry(Dwarf_Die die, const std::vector<AddressRange>& ranges) const {
    Dwarf_Addr entry = 0;
    if (dwarf_entrypc(&die, &entry) == 0 && module_.binary().IsCode(LinkAddress{entry})) return LinkAddress{entry};
    return ranges.front().begin;
  }

  const Module& module_;
  const std::string query_;
  const std::string base_;
  Dwarf_Die unit_{};
  Dwarf_Die content_{};
  std::unordered_map<const void*, std::string> verdicts_;  // full name; empty = another function
  std::vector<FunctionMatch> out_;
};

}  // namespace

absl::StatusOr<std::vector<FunctionMatch>> FunctionsNamed(const Module& module, std::string_view name) {
  FunctionSearch search(module, name);
  ForEachCodeUnit(module, [&](const Dwarf_Die& unit) {
    search.Unit(unit);
    return !search.full();
  });
  std::vector<FunctionMatch> out = search.Take();
  return out.empty() ? FunctionsBySymbol(module, name) : out;
}

std::vector<std::string> SimilarFunctions(const Module& module, std::string_view name, size_t limit) {
  CloseNames close(BaseName(name));
  // Function symbols: far fewer than DIEs and good enough for a suggestion.
  ForEachFunctionSymbol(module, [&](const FunctionSymbol& symbol) {
    const std::string full = Demangle(symbol.name);
    const std::string shown = WithoutParameters(full);
    close.Offer(BaseName(full), shown);
  });
  return close.Best(limit);
}

}  // namespace dlog::dwarf
