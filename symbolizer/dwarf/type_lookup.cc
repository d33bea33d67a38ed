// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/type_lookup.h"

#include <string>
#include <utility>
#include <vector>

#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/stored_types.h"
#include "symbolizer/dwarf/unit_index.h"

namespace dlog::dwarf {
namespace {

// Out-of-class definitions of one plain name ("Impl"): each has to be indexed to learn its full name.
constexpr size_t kMaxSpecifiedTypes = 256;

bool IsTypeTag(int tag) {
  return tag == DW_TAG_class_type || tag == DW_TAG_structure_type || tag == DW_TAG_union_type ||
         tag == DW_TAG_enumeration_type;
}

bool IsDefinition(const Dwarf_Die& die) { return IsTypeTag(Tag(die)) && !Own(die, DW_AT_declaration).has_value(); }

// The same type seen by two units has the same size and was declared on the same line. C has no one-definition rule.
bool SameShape(const Dwarf_Die& a, const Dwarf_Die& b) {
  return UnsignedOf(a, DW_AT_byte_size) == UnsignedOf(b, DW_AT_byte_size) &&
         UnsignedOf(a, DW_AT_decl_line) == UnsignedOf(b, DW_AT_decl_line);
}

void Offer(TypeDefinition& slot, const Dwarf_Die& die) {
  if (!slot.die.has_value()) {
    slot.die = die;
  } else if (!SameShape(*slot.die, die)) {
    slot.ambiguous = true;
  }
}

// Definitions at namespace scope under `prefix` ("shop::").
void CollectNamespace(const Dwarf_Die& parent, const std::string& prefix, int depth, ModuleCache& cache) {
  if (depth > kMaxDieDepth) return;
  ForEachChild(parent, [&](const Dwarf_Die& child) {
    const int tag = Tag(child);
    if (tag != DW_TAG_namespace && !IsTypeTag(tag)) return true;
    const char* name = NameOf(child);
    if (name[0] == '\0') return true;  // anonymous: private to its unit
    if (tag == DW_TAG_namespace) {
      CollectNamespace(child, prefix + name + "::", depth + 1, cache);
    } else if (IsDefinition(child)) {
      if (Own(child, DW_AT_specification).has_value()) {
        std::vector<Dwarf_Die>& slot = cache.specified_types[name];
        if (slot.size() < kMaxSpecifiedTypes) slot.push_back(child);
      } else {
        Offer(cache.named_types[prefix + name], child);
      }
    }
    return true;
  });
}

// For the next run. Contents of split units are in other files.
void Keep(const Module& module, bool one_file) {
  if (!one_file) return;
  const ModuleCache& cache = module.cache();
  std::vector<StoredType> types;
  const auto add = [&](const std::string& name, Dwarf_Die die, StoredType::Kind kind) {
    types.push_back({HashOfName(name), dwarf_dieoffset(&die), kind, 0});
  };
  for (const auto& [name, type] : cache.named_types) {
    if (type.die.has_value()) {
      add(name, *type.die, type.ambiguous ? StoredType::kAmbiguous : StoredType::kDefinition);
    }
  }
  for (const auto& [name, dies] : cache.specified_types) {
    for (const Dwarf_Die& die : dies) add(name, die, StoredType::kSpecified);
  }
  WriteStoredTypes(module, std::move(types));
}

void CollectAll(const Module& module) {
  ModuleCache& cache = module.cache();
  if (cache.named_types_built || cache.stored_types.has_value()) return;
  cache.stored_types = ReadStoredTypes(module);
  if (cache.stored_types.has_value()) return;
  cache.named_types_built = true;
  bool one_file = true;
  ForEachUnit(module, /*with_type_units=*/true, [&](const Dwarf_Die& unit) {
    one_file = one_file && dwarf_cu_getdwarf(unit.cu) == module.dwarf();
    CollectNamespace(unit, "", 0, cache);
    return true;
  });
  module.ReleasePages();
  Keep(module, one_file);
}

// The definitions of this qualified name at namespace scope.
TypeDefinition NamedType(const Module& module, const std::string& name) {
  CollectAll(module);
  const ModuleCache& cache = module.cache();
  TypeDefinition found;
  if (cache.stored_types.has_value()) {
    for (const Dwarf_Die& die : FindStored(module, *cache.stored_types, name, StoredType::kDefinition)) {
      Offer(found, die);
    }
    const auto ambiguous = FindStored(module, *cache.stored_types, name, StoredType::kAmbiguous);
    if (!ambiguous.empty()) found = {ambiguous.front(), true};
  } else if (auto known = cache.named_types.find(name); known != cache.named_types.end()) {
    found = known->second;
  }
  return found;
}

// Out-of-class definitions of this plain name.
std::vector<Dwarf_Die> SpecifiedTypes(const Module& module, const std::string& name) {
  CollectAll(module);
  const ModuleCache& cache = module.cache();
  if (cache.stored_types.has_value()) {
    return FindStored(module, *cache.stored_types, name, StoredType::kSpecified);
  }
  const auto known = cache.specified_types.find(name);
  return known == cache.specified_types.end() ? std::vector<Dwarf_Die>() : known->second;
}

// Descends only into what `path` names, so that classes of other names cost nothing.
void FindNested(const Dwarf_Die& parent, const std::vector<std::string>& path, size_t at, TypeDefinition& found) {
  ForEachChild(parent, [&](const Dwarf_Die& child) {
    const int tag = Tag(child);
    if ((tag != DW_TAG_namespace && !IsTypeTag(tag)) || path[at] != NameOf(child)) return true;
    if (at + 1 < path.size()) {
      FindNested(child, path, at + 1, found);
    } else if (IsDefinition(child)) {
      Offer(found, child);
    }
    return true;
  });
}

std::optional<Dwarf_Die> Search(const Module& module, const Dwarf_Die& type, const std::string& name) {
  for (const Dwarf_Die& candidate : IndexOf(module, type).types()) {
    if (NameOf(candidate) == std::string_view(NameOf(type)) && QualifiedName(module, candidate) == name)
      return candidate;
  }
  if (name.find("(anonymous namespace)") != std::string::npos || name.find("{...}") != std::string::npos) {
    return std::nullopt;
  }
  ModuleCache& cache = module.cache();
  TypeDefinition found = NamedType(module, name);
  for (const Dwarf_Die& candidate : SpecifiedTypes(module, NameOf(type))) {
    if (QualifiedName(module, candidate) == name) Offer(found, candidate);
  }
  std::vector<std::string> path = EnclosingNames(module, type);
  if (!found.die.has_value() && !path.empty() && cache.nested_searches < kMaxNestedTypeSearches) {
    ++cache.nested_searches;
    path.emplace_back(NameOf(type));
    ForEachUnit(module, /*with_type_units=*/true, [&](const Dwarf_Die& unit) {
      FindNested(unit, path, 0, found);
      return true;
    });
  }
  return found.ambiguous ? std::nullopt : found.die;
}

}  // namespace

std::optional<Dwarf_Die> ClassNamed(const Module& module, const std::string& name) {
  const TypeDefinition found = NamedType(module, name);
  const std::optional<Dwarf_Die> die = found.ambiguous ? std::nullopt : found.die;
  const bool is_class = die.has_value() && (Tag(*die) == DW_TAG_class_type || Tag(*die) == DW_TAG_structure_type);
  return is_class ? die : std::nullopt;
}

std::optional<Dwarf_Die> ClassInName(const Module& module, std::string_view name, size_t n) {
  size_t begin = name.find('<');
  if (begin == std::string_view::npos || !name.ends_with('>')) return std::nullopt;
  int depth = 0;
  for (size_t at = ++begin; at < name.size(); ++at) {
    const char c = name[at];
    const bool ends = depth == 0 && (c == ',' || at + 1 == name.size());
    if (ends && n == 0) {
      std::string_view argument = name.substr(begin, at - begin);
      while (argument.starts_with(' ')) argument.remove_prefix(1);
      while (argument.ends_with(' ')) argument.remove_suffix(1);
      return argument.empty() ? std::nullopt : ClassNamed(module, std::string(argument));
    }
    if (ends) begin = at + 1, --n;
    if (c == '<' || c == '(' || c == '{' || c == '[') ++depth;
    if (c == '>' || c == ')' || c == '}' || c == ']') --depth;
    if (depth < 0) return std::nullopt;
  }
  return std::nullopt;
}

std::optional<Dwarf_Die> DefinitionOf(const Module& module, const Dwarf_Die& type) {
  if (!Own(type, DW_AT_declaration).has_value()) return type;
  if (const Dwarf_Die in_type_unit = ThroughSignature(type); !SameDie(in_type_unit, type)) return in_type_unit;
  if (NameOf(type)[0] == '\0') return std::nullopt;
  const std::string name = QualifiedName(module, type);
  const auto [slot, added] = module.cache().definitions.try_emplace(name);
  if (added) slot->second = Search(module, type, name);
  return slot->second;
}

}  // namespace dlog::dwarf
