// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/scopes.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_set>

#include "absl/status/status.h"
#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/location_list.h"
#include "symbolizer/dwarf/names.h"
#include "symbolizer/dwarf/symbols.h"
#include "symbolizer/dwarf/unit_index.h"

namespace dlog::dwarf {
namespace {

// Variables of one block; a function with more is generated code.
constexpr size_t kMaxVariables = 4096;

bool ContainsAddress(const std::vector<AddressRange>& ranges, LinkAddress address) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const AddressRange& r) { return r.Contains(address); });
}

// The child block or inlined copy of `die` that contains `address`.
bool InnerScope(const Module& module, const Dwarf_Die& die, LinkAddress address, int depth, Dwarf_Die* inner,
                std::vector<AddressRange>* ranges) {
  bool found = false;
  ForEachChild(die, [&](const Dwarf_Die& child) {
    const int tag = Tag(child);
    if (tag != DW_TAG_lexical_block && tag != DW_TAG_inlined_subroutine) return true;
    if (!HasCodeAttributes(child)) {
      // A block without addresses of its own says nothing about its children.
      if (tag == DW_TAG_lexical_block && depth < kMaxDieDepth) {
        found = InnerScope(module, child, address, depth + 1, inner, ranges);
      }
      return !found;
    }
    *ranges = RangesOf(module, child);
    if (!ContainsAddress(*ranges, address)) return true;
    *inner = child;
    found = true;
    return false;
  });
  return found;
}

const UnitIndex::Code* InnermostSubprogram(const UnitIndex& index, LinkAddress address) {
  const UnitIndex::Code* best = nullptr;
  for (const UnitIndex::Code& code : index.code()) {
    if (code.range.begin > address) break;
    if (!code.range.Contains(address)) continue;
    // A nested function's code may lie inside the range of the one around it.
    if (best == nullptr ||
        code.range.end.value - code.range.begin.value <= best->range.end.value - best->range.begin.value) {
      best = &code;
    }
  }
  return best;
}

bool IsVariable(const Dwarf_Die& die) {
  const int tag = Tag(die);
  return tag == DW_TAG_variable || tag == DW_TAG_formal_parameter || tag == DW_TAG_template_value_parameter;
}

class VariableCollector {
 public:
  VariableCollector(const Dwarf_Die& function, uint32_t line)
      : line_(line), file_(UnsignedOf(function, DW_AT_decl_file).value_or(0)) {}

  // Adds the variables of one block: its own children, then those of its abstract origin that have no concrete child.
  void AddBlock(const Dwarf_Die& block) {
    std::vector<Variable> found;
    std::unordered_set<const void*> concrete;
    ForEachChild(block, [&](const Dwarf_Die& child) {
      if (found.size() >= kMaxVariables) return false;
      if (Tag(child) == DW_TAG_imported_declaration) NoteImport(child, found);
      if (!IsVariable(child)) return true;
      if (auto origin = ReferenceOf(child, DW_AT_abstract_origin); origin.has_value()) concrete.insert(origin->addr);
      Note(child, found);
      return true;
    });
    if (auto origin = ReferenceOf(block, DW_AT_abstract_origin); origin.has_value()) {
      ForEachChild(*origin, [&](const Dwarf_Die& child) {
        if (found.size() >= kMaxVariables) return false;
        if (Tag(child) == DW_TAG_imported_declaration) NoteImport(child, found);
        if (IsVariable(child) && !concrete.contains(child.addr)) Note(child, found);
        return true;
      });
    }
    Merge(std::move(found));
  }

  std::vector<Variable> Take() { return std::move(out_); }

 private:
  // `using ns::g;`
  void NoteImport(const Dwarf_Die& import, std::vector<Variable>& found) const {
    const std::optional<Dwarf_Die> target = ReferenceOf(import, DW_AT_import);
    if (!target.has_value() || Tag(*target) != DW_TAG_variable) return;
    if (line_ != 0 && UnsignedOf(import, DW_AT_decl_line).value_or(0) > line_) return;
    found.push_back({NameOf(*target), *target, false, false, true});
  }

  void Note(const Dwarf_Die& die, std::vector<Variable>& found) const {
    const char* name = NameOf(die);
    if (name[0] == '\0') return;
    if (line_ != 0 && Tag(die) == DW_TAG_variable && UnsignedOf(die, DW_AT_decl_line).value_or(0) > line_ &&
        UnsignedOf(die, DW_AT_decl_file).value_or(0) == file_) {
      return;
    }
    Dwarf_Die copy = die;
    // `extern int g;` in a block names a global: not a variable of the block.
    if (dwarf_hasattr_integrate(&copy, DW_AT_declaration) && !dwarf_hasattr_integrate(&copy, DW_AT_location)) return;
    found.push_back({name, die, Tag(die) == DW_TAG_formal_parameter, FlagOf(die, DW_AT_artificial), false});
  }

  void Merge(std::vector<Variable> found) {
    // The same name twice in one block is a later declaration of the same scope level (a `for` without its own block):
    // the last one is what the compiler sees at the end of the block.
    std::unordered_set<std::string> here;
    std::vector<Variable> kept;
    for (auto it = found.rbegin(); it != found.rend(); ++it) {
      if (!names_.contains(it->name) && here.insert(it->name).second) kept.push_back(std::move(*it));
    }
    out_.insert(out_.end(), std::make_move_iterator(kept.rbegin()), std::make_move_iterator(kept.rend()));
    names_.merge(here);
  }

  const uint32_t line_;
  const uint64_t file_;
  std::vector<Variable> out_;
  std::unordered_set<std::string> names_;
};

// _ZTh, _ZTv and _ZTc: code that only passes a call on (Itanium C++ ABI 5.1.4.2). It carries the line of the function
// that it calls, so that a hit would be seen twice.
bool IsThunk(std::string_view mangled) {
  return mangled.starts_with("_ZTh") || mangled.starts_with("_ZTv") || mangled.starts_with("_ZTc");
}

// A function that has a symbol and no DIE.
absl::StatusOr<FunctionScope> SymbolScope(const Module& module, const Dwarf_Die& unit, LinkAddress address) {
  const FunctionSymbol* symbol = FunctionSymbolAround(module, address);
  if (symbol == nullptr || IsThunk(symbol->name)) {
    return absl::NotFoundError(
        fmt::format("no function of the debug information and no symbol covers {:#x}", address.value));
  }
  FunctionScope scope;
  scope.unit = scope.die = scope.subprogram = unit;
  scope.by_symbol = true;
  scope.name = Demangle(symbol->name);
  scope.ranges.push_back({symbol->begin, LinkAddress{symbol->begin.value + symbol->size}});
  return scope;
}

// The function and the inlined copies around `address`, outermost first, each with the blocks between it and the next.
absl::StatusOr<std::vector<FunctionScope>> ScopesAt(const Module& module, const Dwarf_Die& unit,
                                                    const Dwarf_Die& content, LinkAddress address) {
  const UnitIndex::Code* code = InnermostSubprogram(IndexOf(module, content), address);
  if (code == nullptr) {
    auto scope = SymbolScope(module, unit, address);
    if (!scope.ok()) return scope.status();
    return std::vector<FunctionScope>{*std::move(scope)};
  }
  std::vector<FunctionScope> out(1);
  out.back().unit = unit;
  out.back().die = out.back().subprogram = code->die;
  out.back().ranges = RangesOf(module, code->die);
  Dwarf_Die at = code->die;
  Dwarf_Die inner;
  std::vector<AddressRange> ranges;
  for (int depth = 0; depth < kMaxDieDepth && InnerScope(module, at, address, 0, &inner, &ranges); ++depth) {
    at = inner;
    if (Tag(inner) == DW_TAG_lexical_block) {
      out.back().blocks.insert(out.back().blocks.begin(), inner);
      continue;
    }
    FunctionScope copy;
    copy.unit = unit;
    copy.die = inner;
    copy.subprogram = code->die;
    copy.inlined = true;
    copy.ranges = ranges;
    out.push_back(std::move(copy));
  }
  return out;
}

// The path of entry `index` of the file table of `unit`.
std::string_view FileNameAt(Dwarf_Die unit, uint64_t index) {
  Dwarf_Files* files = nullptr;
  size_t count = 0;
  if (dwarf_getsrcfiles(&unit, &files, &count) != 0 || index >= count) return {};
  const char* name = dwarf_filesrc(files, index, nullptr, nullptr);
  return name == nullptr ? std::string_view() : name;
}

// A file as an attribute names it: by number in the table of the unit that the attribute is in.
struct FileNumber {
  Dwarf_Die unit;
  uint64_t number = 0;
};

std::optional<FileNumber> FileAttribute(const Dwarf_Die& die, unsigned name) {
  auto attr = Inherited(die, name);
  FileNumber out;
  Dwarf_Word number = 0;
  if (!attr.has_value() || dwarf_formudata(&*attr, &number) != 0) return std::nullopt;
  if (dwarf_cu_info(attr->cu, nullptr, nullptr, &out.unit, nullptr, nullptr, nullptr, nullptr) != 0)
    return std::nullopt;
  out.number = number;
  return out;
}

// Numbers compare within one unit, except that DWARF 5 may have the primary file as 0 and 1. With LTO the declaration
// is in another unit.
bool SameFile(const FileNumber& a, const FileNumber& b) {
  if (SameDie(a.unit, b.unit)) {
    if (a.number == b.number) return true;
    if (a.number > 1 || b.number > 1) return false;
  }
  const std::string_view name = FileNameAt(a.unit, a.number);
  return !name.empty() && name == FileNameAt(b.unit, b.number);
}

// The level of `scopes` that `line` of `file` is part of; the innermost, and not `found`, when it is of none.
size_t LevelOfLine(const std::vector<FunctionScope>& scopes, const FileNumber& file, uint32_t line, bool* found) {
  size_t best = scopes.size() - 1;
  uint64_t best_line = 0;
  for (size_t i = 0; i < scopes.size(); ++i) {
    const uint64_t declared = UnsignedOf(scopes[i].die, DW_AT_decl_line).value_or(0);
    // A function extends from its declaration to an unknown end, so the nearest declaration above the line wins.
    if (declared == 0 || declared > line || declared < best_line) continue;
    const std::optional<FileNumber> declared_in = FileAttribute(scopes[i].die, DW_AT_decl_file);
    if (!declared_in.has_value() || !SameFile(*declared_in, file)) continue;
    best = i;
    best_line = declared;
  }
  *found = best_line != 0;
  // The line of the call belongs to the caller, also when the callee's declaration is nearer (a lambda in the caller).
  while (best > 0 && best_line != line && UnsignedOf(scopes[best].die, DW_AT_call_line) == line) {
    const std::optional<FileNumber> called_in = FileAttribute(scopes[best].die, DW_AT_call_file);
    if (!called_in.has_value() || !SameFile(*called_in, file)) break;
    --best;
  }
  return best;
}

// `level` of `scopes`, or where that copy begins behind the statement `view` of `address`, the copy of the same
// function around it that does not: inlined into itself, a function has the same lines on several levels.
size_t LevelOfView(const std::vector<FunctionScope>& scopes, size_t level, LinkAddress address, View view) {
  if (view >= kUntoldView) return level;
  const auto begins_later = [&](const FunctionScope& scope) {
    Dwarf_Die die = scope.die;
    Dwarf_Addr entry = 0;
    if (!scope.inlined || dwarf_entrypc(&die, &entry) != 0 || LinkAddress{entry} != address) return false;
    const View first = EntryView(scope.die);
    return first != kUnknownView && first > view;
  };
  const std::optional<Dwarf_Die> origin = ReferenceOf(scopes[level].die, DW_AT_abstract_origin);
  for (size_t i = level; origin.has_value(); --i) {
    const std::optional<Dwarf_Die> same = ReferenceOf(scopes[i].die, DW_AT_abstract_origin);
    if (same.has_value() && SameDie(*same, *origin) && !begins_later(scopes[i])) return i;
    if (i == 0) break;
  }
  return level;
}

}  // namespace

View EntryView(const Dwarf_Die& inlined) {
  auto attribute = Own(inlined, DW_AT_GNU_entry_view);
  Dwarf_Word view = 0;
  const bool known = Own(inlined, DW_AT_entry_pc).has_value() && attribute.has_value() &&
                     dwarf_formudata(&*attribute, &view) == 0 && view < kUntoldView;
  return known ? static_cast<View>(view) : kUnknownView;
}

absl::Status CheckContent(const Module& module, const Dwarf_Die& unit) {
  return ContentUnit(module, unit).has_value() ? absl::OkStatus() : module.split_units().Missing(unit);
}

absl::StatusOr<FunctionScope> FunctionAt(const Module& module, const Dwarf_Die& unit, LinkAddress address,
                                         const Dwarf_Die* function) {
  const std::optional<Dwarf_Die> content = ContentUnit(module, unit);
  if (!content.has_value()) return module.split_units().Missing(unit);
  auto scopes = ScopesAt(module, unit, *content, address);
  if (!scopes.ok()) return scopes.status();
  const auto wanted = std::find_if(scopes->begin(), scopes->end(), [&](const FunctionScope& s) {
    return function != nullptr && SameDie(s.die, *function);
  });
  FunctionScope scope = std::move(wanted != scopes->end() ? *wanted : scopes->back());
  if (!scope.by_symbol) scope.name = FunctionName(module, *content, scope.die);
  return scope;
}

absl::StatusOr<FunctionScope> OutermostFunctionAt(const Module& module, const Dwarf_Die& unit, LinkAddress address) {
  const std::optional<Dwarf_Die> content = ContentUnit(module, unit);
  if (!content.has_value()) return module.split_units().Missing(unit);
  auto scopes = ScopesAt(module, unit, *content, address);
  if (!scopes.ok()) return scopes.status();
  FunctionScope scope = std::move(scopes->front());
  if (!scope.by_symbol) scope.name = FunctionName(module, *content, scope.die);
  return scope;
}

absl::StatusOr<FunctionScope> FunctionOfStatement(const Module& module, const Dwarf_Die& unit, LinkAddress address,
                                                  uint32_t file, uint32_t line, View view) {
  const std::optional<Dwarf_Die> content = ContentUnit(module, unit);
  if (!content.has_value()) return module.split_units().Missing(unit);
  auto scopes = ScopesAt(module, unit, *content, address);
  if (!scopes.ok()) return scopes.status();
  bool has_line = false;
  const size_t level = LevelOfLine(*scopes, {unit, file}, line, &has_line);
  FunctionScope scope = std::move((*scopes)[LevelOfView(*scopes, level, address, view)]);
  scope.has_line = has_line;
  if (!scope.by_symbol) scope.name = FunctionName(module, *content, scope.die);
  scope.line = line;
  return scope;
}

std::vector<Variable> VisibleVariables(const FunctionScope& scope, uint32_t line) {
  if (scope.by_symbol) return {};
  VariableCollector collector(scope.die, line != 0 ? line : scope.line);
  for (const Dwarf_Die& block : scope.blocks) collector.AddBlock(block);
  collector.AddBlock(scope.die);
  return collector.Take();
}

}  // namespace dlog::dwarf
