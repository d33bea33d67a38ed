// SPDX-License-Identifier: Apache-2.0
//
// Name lookup outside functions: globals, static members, enumerators, types.
#include <fmt/format.h>

#include <algorithm>

#include "absl/status/status.h"
#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/scopes.h"
#include "symbolizer/dwarf/unit_index.h"

namespace dlog::dwarf {
namespace {

constexpr std::string_view kAnonymous = "(anonymous namespace)";

std::vector<std::string> SplitName(std::string_view name) {
  std::vector<std::string> out;
  if (name.substr(0, 2) == "::") name.remove_prefix(2);
  int angle = 0;
  size_t begin = 0;
  for (size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '<') ++angle;
    if (name[i] == '>') --angle;
    if (angle == 0 && name[i] == ':' && i + 1 < name.size() && name[i + 1] == ':') {
      out.emplace_back(name.substr(begin, i - begin));
      begin = i + 2;
      ++i;
    }
  }
  out.emplace_back(name.substr(begin));
  return out;
}

bool IsInlineNamespace(const Dwarf_Die& die) {
  return Tag(die) == DW_TAG_namespace && (NameOf(die)[0] == '\0' || FlagOf(die, DW_AT_export_symbols));
}

// The scope of a declaration as names, with which of them may be left out when it is named (anonymous and inline).
struct Path {
  std::vector<std::string> names;
  std::vector<bool> optional;
};

Path PathOf(const Module& module, const Dwarf_Die& die) {
  Path out;
  Dwarf_Die at = DeclarationOf(ThroughSignature(DeclarationOf(die)));
  for (int depth = 0; depth < kMaxDieDepth; ++depth) {
    const auto parents = IndexOf(module, at).ParentsOf(at);
    if (parents.empty() || parents.front()->tag == DW_TAG_subprogram) break;
    const Dwarf_Die parent = ThroughSignature(parents.front()->die);
    const char* name = NameOf(parent);
    out.names.insert(out.names.begin(), name[0] == '\0' ? std::string(kAnonymous) : name);
    out.optional.insert(out.optional.begin(),
                        IsInlineNamespace(parent) || (name[0] == '\0' && Tag(parent) != DW_TAG_namespace));
    const Dwarf_Die next = DeclarationOf(parent);
    if (next.addr == at.addr) break;
    at = next;
  }
  return out;
}

// Whether the scope `have` is spelled `want`, optional parts of `have` skipped.
bool SamePath(const Path& have, const std::vector<std::string>& want) {
  size_t w = 0;
  for (size_t h = 0; h < have.names.size(); ++h) {
    if (w < want.size() && have.names[h] == want[w]) {
      ++w;
    } else if (!have.optional[h]) {
      return false;
    }
  }
  return w == want.size();
}

// The prefixes under which `scope` looks names up, innermost first, the global scope last.
std::vector<std::vector<std::string>> LookupPrefixes(const Module& module, const FunctionScope& scope) {
  std::vector<std::string> names = PathOf(module, scope.die).names;
  std::vector<std::vector<std::string>> out;
  while (true) {
    out.push_back(names);
    if (names.empty()) return out;
    names.pop_back();
  }
}

std::vector<std::string> Concat(std::vector<std::string> a, const std::vector<std::string>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

bool HasValue(Dwarf_Die die) {
  return dwarf_hasattr_integrate(&die, DW_AT_location) || dwarf_hasattr_integrate(&die, DW_AT_const_value);
}

// A declaration and the definition that goes with it are two DIEs; only the one with a value can be used.
struct GlobalMatch {
  std::optional<Dwarf_Die> with_value;
  bool declared = false;
};

GlobalMatch FindInUnit(const Module& module, const UnitIndex& index, const std::vector<std::string>& path,
                       const std::string& name) {
  GlobalMatch out;
  for (const Dwarf_Die& die : index.variables()) {
    if (name != NameOf(die) || !SamePath(PathOf(module, die), path)) continue;
    out.declared = true;
    if (HasValue(die)) {
      out.with_value = die;
      break;
    }
  }
  return out;
}

// What `using namespace ns;` and `using ns::g;` in the scope `prefix` (or in the function itself) make visible.
GlobalMatch FindImported(const Module& module, const UnitIndex& index, const FunctionScope& scope,
                         const std::vector<std::string>& prefix, const std::vector<std::string>& qualifiers,
                         const std::string& name) {
  for (const Dwarf_Die& import : index.imports()) {
    const auto parents = index.ParentsOf(import);
    const bool in_function = !parents.empty() && parents.front()->tag == DW_TAG_subprogram;
    if (in_function ? !SameDie(parents.front()->die, scope.subprogram) : !SamePath(PathOf(module, import), prefix))
      continue;
    const std::optional<Dwarf_Die> target = ReferenceOf(import, DW_AT_import);
    if (!target.has_value()) continue;
    GlobalMatch match;
    if (Tag(*target) == DW_TAG_namespace) {
      std::vector<std::string> path = PathOf(module, *target).names;
      path.emplace_back(NameOf(*target)[0] == '\0' ? std::string(kAnonymous) : NameOf(*target));
      match = FindInUnit(module, index, Concat(std::move(path), qualifiers), name);
    } else if (Tag(*target) == DW_TAG_variable && qualifiers.empty() && name == NameOf(*target)) {
      match = FindInUnit(module, index, PathOf(module, *target).names, name);
    }
    if (match.with_value.has_value()) return match;
  }
  return {};
}

Variable ToVariable(const Dwarf_Die& die) { return {NameOf(die), die, false, FlagOf(die, DW_AT_artificial)}; }

// Namespace-scope variables called `name` in one unit, without indexing it: most units do not have it.
void CollectNamed(const Dwarf_Die& parent, const std::string& name, const std::vector<std::string>& path, int depth,
                  std::vector<Dwarf_Die>& out) {
  if (depth > kMaxDieDepth) return;
  ForEachChild(parent, [&](const Dwarf_Die& child) {
    switch (Tag(child)) {
      case DW_TAG_variable:
        if (name == NameOf(child) && HasValue(child)) out.push_back(child);
        break;
      case DW_TAG_member:
        if (depth > 0 && name == NameOf(child) && FlagOf(child, DW_AT_external) && HasValue(child))
          out.push_back(child);
        break;
      case DW_TAG_namespace:
        CollectNamed(child, name, path, depth + 1, out);
        break;
      case DW_TAG_class_type:
      case DW_TAG_structure_type:
      case DW_TAG_union_type:
        // Constants of a class live inside it; only classes that the name mentions can matter.
        if (std::find(path.begin(), path.end(), NameOf(child)) != path.end()) {
          CollectNamed(child, name, path, depth + 1, out);
        }
        break;
      default:
        break;
    }
    return true;
  });
}

// The definition in any unit under exactly `path`. An external one wins; a static one of another file only when it is
// the only one, for otherwise it would be a guess.
absl::StatusOr<Variable> FindElsewhere(const Module& module, const std::vector<std::vector<std::string>>& prefixes,
                                       const std::vector<std::string>& qualifiers, const std::string& name) {
  std::vector<Dwarf_Die> candidates;
  const std::vector<std::string> all = Concat(prefixes.front(), qualifiers);
  ForEachUnit(module, false, [&](const Dwarf_Die& unit) {
    CollectNamed(unit, name, all, 0, candidates);
    return true;
  });
  for (const auto& prefix : prefixes) {
    const std::vector<std::string> path = Concat(prefix, qualifiers);
    std::vector<Dwarf_Die> internal;
    for (const Dwarf_Die& die : candidates) {
      if (!SamePath(PathOf(module, die), path)) continue;
      if (FlagOf(die, DW_AT_external)) return ToVariable(die);
      internal.push_back(die);
    }
    if (internal.size() == 1) return ToVariable(internal.front());
    if (internal.size() > 1) {
      return absl::NotFoundError(
          fmt::format("'{}' is ambiguous: {} source files have a static variable of this name", name, internal.size()));
    }
  }
  return absl::NotFoundError(fmt::format("no variable '{}' in the debug information", name));
}

bool IsNamedType(int tag) {
  return tag == DW_TAG_typedef || tag == DW_TAG_base_type || tag == DW_TAG_class_type || tag == DW_TAG_structure_type ||
         tag == DW_TAG_union_type || tag == DW_TAG_enumeration_type;
}

// Types called `name` in namespaces, and in classes that `path` mentions.
void CollectTypes(const Dwarf_Die& parent, const std::string& name, const std::vector<std::string>& path, int depth,
                  std::vector<Dwarf_Die>& out) {
  if (depth > kMaxDieDepth) return;
  ForEachChild(parent, [&](const Dwarf_Die& child) {
    const int tag = Tag(child);
    if (IsNamedType(tag) && name == NameOf(child)) out.push_back(child);
    const bool is_class = tag == DW_TAG_class_type || tag == DW_TAG_structure_type || tag == DW_TAG_union_type;
    if (tag == DW_TAG_namespace || (is_class && std::find(path.begin(), path.end(), NameOf(child)) != path.end())) {
      CollectTypes(child, name, path, depth + 1, out);
    }
    return true;
  });
}

}  // namespace

std::optional<Dwarf_Die> FindType(const Module& module, const FunctionScope& scope, std::string_view name) {
  std::vector<std::string> qualifiers = SplitName(name);
  const std::string base = qualifiers.back();
  qualifiers.pop_back();
  std::vector<std::vector<std::string>> prefixes = LookupPrefixes(module, scope);
  if (name.substr(0, 2) == "::") prefixes.assign(1, {});
  const std::optional<Dwarf_Die> content = ContentUnit(scope.unit);
  if (!content.has_value()) return std::nullopt;
  std::vector<Dwarf_Die> candidates;
  CollectTypes(*content, base, Concat(prefixes.front(), qualifiers), 0, candidates);
  for (const auto& prefix : prefixes) {
    const std::vector<std::string> path = Concat(prefix, qualifiers);
    for (const Dwarf_Die& die : candidates) {
      if (SamePath(PathOf(module, die), path)) return die;
    }
  }
  return std::nullopt;
}

absl::StatusOr<Variable> FindGlobal(const Module& module, const FunctionScope& scope, std::string_view name) {
  std::vector<std::string> qualifiers = SplitName(name);
  const std::string base = qualifiers.back();
  qualifiers.pop_back();
  std::vector<std::vector<std::string>> prefixes = LookupPrefixes(module, scope);
  if (name.substr(0, 2) == "::") prefixes.assign(1, {});
  const std::optional<Dwarf_Die> content = ContentUnit(scope.unit);
  if (content.has_value()) {
    const UnitIndex& index = IndexOf(module, *content);
    for (const auto& prefix : prefixes) {
      const GlobalMatch match = FindInUnit(module, index, Concat(prefix, qualifiers), base);
      if (match.with_value.has_value()) return ToVariable(*match.with_value);
      // Declared here: it is this one that the name means, wherever it is defined.
      if (match.declared) return FindElsewhere(module, {prefix}, qualifiers, base);
      const GlobalMatch imported = FindImported(module, index, scope, prefix, qualifiers, base);
      if (imported.with_value.has_value()) return ToVariable(*imported.with_value);
    }
  }
  return FindElsewhere(module, prefixes, qualifiers, base);
}

std::optional<EnumeratorMatch> FindEnumerator(const Module& module, const FunctionScope& scope, std::string_view name) {
  std::vector<std::string> qualifiers = SplitName(name);
  const std::string base = qualifiers.back();
  qualifiers.pop_back();
  const std::optional<Dwarf_Die> content = ContentUnit(scope.unit);
  if (!content.has_value()) return std::nullopt;
  const auto prefixes = LookupPrefixes(module, scope);
  std::optional<EnumeratorMatch> best;
  size_t best_rank = prefixes.size();
  for (const Dwarf_Die& enumeration : IndexOf(module, *content).enumerations()) {
    std::optional<int64_t> value;
    ForEachChild(enumeration, [&](const Dwarf_Die& child) {
      if (Tag(child) != DW_TAG_enumerator || base != NameOf(child)) return true;
      value = EnumeratorValue(child);
      return false;
    });
    if (!value.has_value()) continue;
    const Path outer = PathOf(module, enumeration);
    Path inner = outer;
    inner.names.emplace_back(NameOf(enumeration));
    inner.optional.push_back(!FlagOf(enumeration, DW_AT_enum_class));
    for (size_t rank = 0; rank < best_rank; ++rank) {
      if (!SamePath(inner, Concat(prefixes[rank], qualifiers))) continue;
      best = EnumeratorMatch{enumeration, *value};
      best_rank = rank;
    }
  }
  return best;
}

}  // namespace dlog::dwarf
