// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/unit_index.h"

#include <algorithm>
#include <utility>

#include "symbolizer/dwarf/template_name.h"

namespace dlog::dwarf {
namespace {

constexpr size_t kMaxImportedUnits = 4096;

bool IsScopeTag(int tag) {
  switch (tag) {
    case DW_TAG_namespace:
    case DW_TAG_class_type:
    case DW_TAG_structure_type:
    case DW_TAG_union_type:
    case DW_TAG_interface_type:
    case DW_TAG_enumeration_type:
    case DW_TAG_subprogram:
      return true;
    default:
      return false;
  }
}

// Inlined copies refer to everything that has a name elsewhere; types and functions inside have their own DIEs.
bool MayHoldScopes(int tag) { return IsScopeTag(tag) || tag == DW_TAG_lexical_block || tag == DW_TAG_module; }

const char* AnonymousName(int tag) {
  switch (tag) {
    case DW_TAG_namespace:
      return "(anonymous namespace)";
    case DW_TAG_union_type:
      return "union {...}";
    case DW_TAG_enumeration_type:
      return "enum {...}";
    default:
      return "struct {...}";
  }
}

}  // namespace

UnitIndex::UnitIndex(const Module& module, const Dwarf_Die& unit) : unit_(unit) {
  Walk(module, unit, -1, 0, false);
  std::sort(code_.begin(), code_.end(), [](const Code& a, const Code& b) { return a.range.begin < b.range.begin; });
}

void UnitIndex::Walk(const Module& module, const Dwarf_Die& parent, int32_t scope, int depth, bool in_function) {
  if (depth > kMaxDieDepth) return;
  int32_t open = -1;  // the previous child when it is a scope: its end is the next child
  ForEachChild(parent, [&](const Dwarf_Die& child) {
    if (++visited_ > kMaxDiesPerUnit) return false;
    if (open >= 0) scopes_[open].end = child.addr;
    open = -1;
    const int tag = Tag(child);
    if (!Note(module, child, tag, in_function)) return true;
    int32_t inner = scope;
    if (IsScopeTag(tag)) {
      inner = static_cast<int32_t>(scopes_.size());
      scopes_.push_back({child, nullptr, scope, tag});
      open = inner;
    }
    Walk(module, child, inner, depth + 1, in_function || tag == DW_TAG_subprogram);
    return true;
  });
}

bool UnitIndex::Note(const Module& module, const Dwarf_Die& die, int tag, bool in_function) {
  switch (tag) {
    case DW_TAG_subprogram:
      for (const AddressRange& range : RangesOf(module, die)) code_.push_back({range, die});
      break;
    case DW_TAG_enumeration_type:
      enumerations_.push_back(die);
      [[fallthrough]];
    case DW_TAG_class_type:
    case DW_TAG_structure_type:
    case DW_TAG_union_type:
      // Its own flag: a definition may refer to its declaration by DW_AT_specification.
      if (!Own(die, DW_AT_declaration).has_value()) types_.push_back(die);
      break;
    case DW_TAG_variable:
    case DW_TAG_member:
      if (!in_function && (tag == DW_TAG_variable || FlagOf(die, DW_AT_external) || FlagOf(die, DW_AT_declaration))) {
        variables_.push_back(die);
      }
      return false;
    case DW_TAG_imported_module:
    case DW_TAG_imported_declaration:
      imports_.push_back(die);
      return false;
    case DW_TAG_imported_unit:
      if (auto target = ReferenceOf(die, DW_AT_import); target.has_value()) imported_units_.push_back(*target);
      return false;
    default:
      break;
  }
  Dwarf_Die copy = die;
  return MayHoldScopes(tag) && dwarf_haschildren(&copy) == 1;
}

std::vector<const UnitIndex::Scope*> UnitIndex::ParentsOf(const Dwarf_Die& die) const {
  std::vector<const Scope*> out;
  auto after = std::lower_bound(scopes_.begin(), scopes_.end(), die.addr,
                                [](const Scope& s, const void* address) { return s.die.addr < address; });
  int32_t at = static_cast<int32_t>(after - scopes_.begin()) - 1;
  while (at >= 0 && out.size() < kMaxDieDepth) {
    const Scope& scope = scopes_[at];
    // The last child of a scope ends where that scope ends.
    const Scope* ends = &scope;
    while (ends->end == nullptr && ends->parent >= 0) ends = &scopes_[ends->parent];
    if (ends->end == nullptr || die.addr < ends->end) out.push_back(&scope);
    at = scope.parent;
  }
  return out;
}

const UnitIndex& IndexOf(const Module& module, const Dwarf_Die& die) {
  const Dwarf_Die unit = UnitOf(die);
  std::unique_ptr<UnitIndex>& slot = module.cache().units[unit.addr];
  if (slot == nullptr) slot = std::make_unique<UnitIndex>(module, unit);
  return *slot;
}

std::vector<const UnitIndex*> IndicesOf(const Module& module, const Dwarf_Die& die) {
  std::vector<const UnitIndex*> out = {&IndexOf(module, die)};
  for (size_t i = 0; i < out.size() && out.size() < kMaxImportedUnits; ++i) {
    for (const Dwarf_Die& import : out[i]->imported_units()) {
      // The unit that LTO makes imports all compile units: their names are not visible in each other.
      if (Tag(import) != DW_TAG_partial_unit) continue;
      const UnitIndex* index = &IndexOf(module, import);
      if (std::find(out.begin(), out.end(), index) == out.end()) out.push_back(index);
    }
  }
  return out;
}

std::vector<std::string> EnclosingNames(const Module& module, const Dwarf_Die& die) {
  std::vector<std::string> out;
  // A class declared in one place and defined in another (DW_AT_specification) belongs where it was declared, so each
  // step looks at the parent's declaration again.
  Dwarf_Die at = DeclarationOf(ThroughSignature(DeclarationOf(die)));
  for (int depth = 0; depth < kMaxDieDepth; ++depth) {
    const auto parents = IndexOf(module, at).ParentsOf(at);
    if (parents.empty() || parents.front()->tag == DW_TAG_subprogram) break;
    const Dwarf_Die parent = ThroughSignature(parents.front()->die);
    // Enumerators of an unscoped enumeration do not belong to it as a scope; enumerations hold nothing else.
    std::string name = TemplateName(module, parent);
    out.push_back(name.empty() ? AnonymousName(Tag(parent)) : std::move(name));
    const Dwarf_Die next = DeclarationOf(parent);
    if (next.addr == at.addr) break;
    at = next;
  }
  std::reverse(out.begin(), out.end());
  return out;
}

std::string QualifiedName(const Module& module, const Dwarf_Die& die) {
  std::string out;
  for (const std::string& part : EnclosingNames(module, die)) out += part + "::";
  const std::string name = TemplateName(module, ThroughSignature(die));
  return out + (name.empty() ? AnonymousName(Tag(die)) : name);
}

}  // namespace dlog::dwarf
