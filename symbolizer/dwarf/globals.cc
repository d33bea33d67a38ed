// SPDX-License-Identifier: Apache-2.0
//
// Name lookup outside functions: globals, static members, enumerators, types.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/scopes.h"
#include "symbolizer/dwarf/type_layout.h"
#include "symbolizer/dwarf/type_lookup.h"
#include "symbolizer/dwarf/unit_index.h"

namespace dlog::dwarf {
namespace {

constexpr std::string_view kAnonymous = "(anonymous namespace)";
constexpr size_t kMaxImports = 1 << 16;
constexpr int kMaxBaseDepth = 32;

using Names = std::vector<std::string>;

Names SplitName(std::string_view name) {
  Names out;
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
  Names names;
  std::vector<bool> optional;
  std::vector<Dwarf_Die> dies;
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
    out.dies.insert(out.dies.begin(), parent);
    const Dwarf_Die next = DeclarationOf(parent);
    if (next.addr == at.addr) break;
    at = next;
  }
  return out;
}

// Whether the scope `have` is spelled `want`, optional parts of `have` skipped.
bool SamePath(const Path& have, const Names& want) {
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

Names Concat(Names a, const Names& b) {
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

Variable ToVariable(const Dwarf_Die& die) { return {NameOf(die), die, false, FlagOf(die, DW_AT_artificial), false}; }

// Namespace-scope variables called `name` in one unit, without indexing it: most units do not have it.
void CollectNamed(const Dwarf_Die& parent, const std::string& name, const Names& path, int depth,
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

// The definition in any unit under exactly one of `paths`, the first that has any. An external one wins; a static one
// of another file only when it is the only one, for otherwise it would be a guess.
absl::StatusOr<Variable> FindElsewhere(const Module& module, const std::vector<Names>& paths, const std::string& name) {
  std::vector<Dwarf_Die> candidates;
  ForEachUnit(module, false, [&](const Dwarf_Die& unit) {
    CollectNamed(unit, name, paths.front(), 0, candidates);
    return true;
  });
  for (const Names& path : paths) {
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

// One lookup of one name ([basic.lookup]): from the function outwards, each class with its bases, each namespace with
// what using directives and declarations bring into it.
class NameSearch {
 public:
  NameSearch(const Module& module, const FunctionScope& scope, const Dwarf_Die& content, std::string_view name)
      : module_(module),
        scope_(scope),
        content_(content),
        origin_(UnitOf(DeclarationOf(scope.die))),
        indices_(IndicesOf(module, content)) {
    // With LTO the function was written in another unit than its code is in; each of them has a part of what it sees.
    for (const UnitIndex* index : IndicesOf(module, origin_)) {
      if (std::find(indices_.begin(), indices_.end(), index) == indices_.end()) indices_.push_back(index);
    }
    absolute_ = name.starts_with("::");
    qualifiers_ = SplitName(name);
    base_ = qualifiers_.back();
    qualifiers_.pop_back();
  }

  absl::StatusOr<NamedEntity> Run() {
    FindFunctions();
    CollectImports();
    if (!absolute_) {
      if (auto found = LocalEnumerator(); found.has_value()) return *found;
      if (auto found = Imported(nullptr); found.has_value()) return *std::move(found);
    }
    // From a local class or a lambda outwards, through the functions around it.
    std::vector<Names> paths;
    Dwarf_Die from = scope_.die;
    for (int hop = 0;; ++hop) {
      // Functions that claim to lie inside each other end somewhere too.
      const bool outermost = absolute_ || hop == kMaxOriginHops;
      const std::optional<Dwarf_Die> around = outermost ? std::nullopt : FunctionAround(from);
      // What is in no class and no namespace comes last, behind the namespaces of the functions around.
      auto found = FromInsideOut(PathOf(module_, from), around.has_value() ? 1 : 0, &paths);
      if (found.has_value()) return *std::move(found);
      if (!around.has_value()) break;
      from = *around;
    }
    auto elsewhere = FindElsewhere(module_, paths, base_);
    if (!elsewhere.ok()) return elsewhere.status();
    return NamedEntity{*std::move(elsewhere), std::nullopt};
  }

 private:
  using Found = std::optional<absl::StatusOr<NamedEntity>>;

  // In each scope of `own` down to `outermost` names.
  Found FromInsideOut(const Path& own, size_t outermost, std::vector<Names>* tried) {
    for (size_t depth = absolute_ ? 0 : own.names.size(); depth + 1 > outermost; --depth) {
      const Names prefix(own.names.begin(), own.names.begin() + static_cast<ptrdiff_t>(depth));
      const Names path = Concat(prefix, qualifiers_);
      tried->push_back(path);
      if (auto found = At(path); found.has_value()) return found;
      // A class with its bases, when the name is looked up inside it or through it.
      std::optional<Dwarf_Die> type = qualifiers_.empty() && depth > 0 ? ClassOf(own.dies[depth - 1]) : std::nullopt;
      if (!qualifiers_.empty()) type = ClassAt(path);
      if (type.has_value()) {
        if (auto found = InBases(*type, 0); found.has_value()) return found;
      }
      if (auto found = Imported(&prefix); found.has_value()) return found;
      if (depth == 0) break;
    }
    return std::nullopt;
  }

  // The function that holds the class of `die`.
  std::optional<Dwarf_Die> FunctionAround(const Dwarf_Die& die) const {
    const Dwarf_Die at = DeclarationOf(die);
    for (const UnitIndex::Scope* parent : IndexOf(module_, at).ParentsOf(at)) {
      if (parent->tag == DW_TAG_subprogram) return parent->die;
    }
    return std::nullopt;
  }

  struct Import {
    Dwarf_Die target;
    std::string name;  // of an alias or a declaration; empty = the target's own
    bool in_function = false;
    bool directive = false;
    Names effect;  // the namespace in which it makes names visible; of a declaration in a function: unused
  };

  // What the function consists of, as DIEs: itself and what it is an instance of.
  void FindFunctions() {
    const auto add = [&](Dwarf_Die die) {
      for (int hop = 0; hop < kMaxOriginHops; ++hop) {
        functions_.push_back(die);
        const auto origin = ReferenceOf(die, DW_AT_abstract_origin);
        if (!origin.has_value()) return;
        die = *origin;
      }
    };
    for (const Dwarf_Die& block : scope_.blocks) add(block);
    add(scope_.die);
  }

  void CollectImports() {
    for (const Dwarf_Die& function : functions_) {
      ForEachChild(function, [&](const Dwarf_Die& child) {
        AddImport(child, true);
        return imports_.size() < kMaxImports;
      });
    }
    for (const UnitIndex* index : indices_) {
      for (const Dwarf_Die& import : index->imports()) {
        const auto parents = index->ParentsOf(import);
        if (parents.empty() || parents.front()->tag != DW_TAG_subprogram) AddImport(import, false);
      }
    }
  }

  void AddImport(const Dwarf_Die& die, bool in_function) {
    const int tag = Tag(die);
    if ((tag != DW_TAG_imported_module && tag != DW_TAG_imported_declaration) || imports_.size() >= kMaxImports) return;
    const std::optional<Dwarf_Die> target = ReferenceOf(die, DW_AT_import);
    if (!target.has_value()) return;
    Import import{*target, NameOf(die), in_function, tag == DW_TAG_imported_module, {}};
    import.effect = PathOf(module_, in_function ? scope_.die : die).names;
    if (import.directive) {
      // [namespace.udir]: as if in the nearest namespace that holds both the directive and the nominated one.
      const Names nominated = PathOf(module_, *target).names;
      size_t common = 0;
      while (common < nominated.size() && common < import.effect.size() && nominated[common] == import.effect[common]) {
        ++common;
      }
      import.effect.resize(common);
    }
    imports_.push_back(std::move(import));
  }

  // Exactly under `path`, in this unit. A static member or a variable that is only declared here is this one wherever
  // it is defined.
  Found At(const Names& path) {
    bool declared = false;
    for (const UnitIndex* index : indices_) {
      for (const Dwarf_Die& die : index->variables()) {
        if (base_ != NameOf(die) || !SamePath(PathOf(module_, die), path)) continue;
        // A static variable of another source file has the same name, no more.
        if (!FlagOf(die, DW_AT_external)) {
          const Dwarf_Die unit = UnitOf(DeclarationOf(die));
          // dwz moves declarations to partial units: those belong to every unit.
          if (Tag(unit) == DW_TAG_compile_unit && !SameDie(unit, origin_) && !SameDie(unit, content_)) continue;
        }
        if (HasValue(die)) return NamedEntity{ToVariable(die), std::nullopt};
        declared = true;
      }
      if (auto enumerator = EnumeratorIn(*index, path); enumerator.has_value()) {
        return NamedEntity{std::nullopt, enumerator};
      }
    }
    if (!declared) return std::nullopt;
    auto definition = FindElsewhere(module_, {path}, base_);
    if (!definition.ok()) return definition.status();
    return NamedEntity{*std::move(definition), std::nullopt};
  }

  static std::optional<int64_t> ValueIn(const Dwarf_Die& enumeration, const std::string& name) {
    std::optional<int64_t> value;
    ForEachChild(enumeration, [&](const Dwarf_Die& child) {
      if (Tag(child) != DW_TAG_enumerator || name != NameOf(child)) return true;
      value = EnumeratorValue(child);
      return false;
    });
    return value;
  }

  bool IsOurs(const Dwarf_Die& function) const {
    return std::any_of(functions_.begin(), functions_.end(), [&](const Dwarf_Die& f) { return SameDie(f, function); });
  }

  std::optional<EnumeratorMatch> EnumeratorIn(const UnitIndex& index, const Names& path) const {
    for (const Dwarf_Die& enumeration : index.enumerations()) {
      const auto value = ValueIn(enumeration, base_);
      if (!value.has_value() || IsLocal(index, enumeration)) continue;
      Path inner = PathOf(module_, enumeration);
      inner.names.emplace_back(NameOf(enumeration));
      inner.optional.push_back(!FlagOf(enumeration, DW_AT_enum_class));
      if (SamePath(inner, path)) return EnumeratorMatch{enumeration, *value};
    }
    return std::nullopt;
  }

  static bool IsLocal(const UnitIndex& index, const Dwarf_Die& die) {
    const auto parents = index.ParentsOf(die);
    return !parents.empty() && parents.front()->tag == DW_TAG_subprogram;
  }

  // Of an enumeration inside the function.
  std::optional<NamedEntity> LocalEnumerator() const {
    if (qualifiers_.size() > 1) return std::nullopt;
    for (const UnitIndex* index : indices_) {
      for (const Dwarf_Die& enumeration : index->enumerations()) {
        const auto value = ValueIn(enumeration, base_);
        if (!value.has_value() || !IsLocal(*index, enumeration)) continue;
        if (!IsOurs(index->ParentsOf(enumeration).front()->die)) continue;
        const bool named = !qualifiers_.empty() && qualifiers_.front() == NameOf(enumeration);
        if (named || (qualifiers_.empty() && !FlagOf(enumeration, DW_AT_enum_class))) {
          return NamedEntity{std::nullopt, EnumeratorMatch{enumeration, *value}};
        }
      }
    }
    return std::nullopt;
  }

  // What using declarations, aliases and directives make of the name: those of the function's blocks (null), or those
  // that take effect in the namespace `prefix`.
  Found Imported(const Names* prefix) {
    for (const Import& import : imports_) {
      const bool here = import.directive ? prefix != nullptr && import.effect == *prefix
                                         : import.in_function == (prefix == nullptr) &&
                                               (prefix == nullptr || import.effect == *prefix);
      if (!here) continue;
      const int tag = Tag(import.target);
      Names path = PathOf(module_, import.target).names;
      const std::string target_name = NameOf(import.target);
      if (tag == DW_TAG_namespace) {
        path.push_back(target_name.empty() ? std::string(kAnonymous) : target_name);
        Names rest = qualifiers_;
        if (!import.directive) {
          // An alias stands for the first part of the name.
          if (rest.empty() || rest.front() != import.name) continue;
          rest.erase(rest.begin());
        }
        if (auto found = At(Concat(std::move(path), rest)); found.has_value()) return found;
      } else if (qualifiers_.empty() && base_ == target_name &&
                 (tag == DW_TAG_variable || tag == DW_TAG_member || tag == DW_TAG_enumerator)) {
        if (auto found = At(path); found.has_value()) return found;
      }
    }
    return std::nullopt;
  }

  std::optional<Dwarf_Die> ClassOf(const Dwarf_Die& die) const {
    const int tag = Tag(die);
    if (tag != DW_TAG_class_type && tag != DW_TAG_structure_type && tag != DW_TAG_union_type) return std::nullopt;
    return DefinitionOf(module_, die);
  }

  std::optional<Dwarf_Die> ClassAt(const Names& path) const {
    for (const UnitIndex* index : indices_) {
      for (const Dwarf_Die& type : index->types()) {
        if (path.back() != NameOf(type)) continue;
        Path whole = PathOf(module_, type);
        whole.names.push_back(path.back());
        whole.optional.push_back(false);
        if (SamePath(whole, path)) return ClassOf(type);
      }
    }
    return std::nullopt;
  }

  Found InBases(const Dwarf_Die& type, int depth) {
    if (depth > kMaxBaseDepth) return std::nullopt;
    Found found;
    ForEachChild(type, [&](const Dwarf_Die& child) {
      if (Tag(child) != DW_TAG_inheritance) return true;
      const std::optional<Dwarf_Die> core = StripTypedefs(TypeOf(child));
      const std::optional<Dwarf_Die> base = core.has_value() ? ClassOf(*core) : std::nullopt;
      if (!base.has_value()) return true;
      Names path = PathOf(module_, *base).names;
      path.emplace_back(NameOf(*base));
      found = At(path);
      if (!found.has_value()) found = InBases(*base, depth + 1);
      return !found.has_value();
    });
    return found;
  }

  const Module& module_;
  const FunctionScope& scope_;
  const Dwarf_Die& content_;
  const Dwarf_Die origin_;  // the unit in which the function was written
  std::vector<const UnitIndex*> indices_;
  bool absolute_ = false;
  Names qualifiers_;
  std::string base_;
  std::vector<Dwarf_Die> functions_;  // the blocks and the function, innermost first, each with its abstract origins
  std::vector<Import> imports_;
};

// The prefixes under which `scope` looks names up, innermost first, the global scope last.
std::vector<Names> LookupPrefixes(const Module& module, const FunctionScope& scope) {
  Names names = PathOf(module, scope.die).names;
  std::vector<Names> out;
  while (true) {
    out.push_back(names);
    if (names.empty()) return out;
    names.pop_back();
  }
}

bool IsNamedType(int tag) {
  return tag == DW_TAG_typedef || tag == DW_TAG_base_type || tag == DW_TAG_class_type || tag == DW_TAG_structure_type ||
         tag == DW_TAG_union_type || tag == DW_TAG_enumeration_type;
}

// Types called `name` in namespaces, and in classes that `path` mentions.
void CollectTypes(const Dwarf_Die& parent, const std::string& name, const Names& path, int depth,
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
  Names qualifiers = SplitName(name);
  const std::string base = qualifiers.back();
  qualifiers.pop_back();
  std::vector<Names> prefixes = LookupPrefixes(module, scope);
  if (name.substr(0, 2) == "::") prefixes.assign(1, {});
  const std::optional<Dwarf_Die> content = ContentUnit(module, scope.unit);
  if (!content.has_value()) return std::nullopt;
  std::vector<Dwarf_Die> candidates;
  CollectTypes(*content, base, Concat(prefixes.front(), qualifiers), 0, candidates);
  for (const auto& prefix : prefixes) {
    const Names path = Concat(prefix, qualifiers);
    for (const Dwarf_Die& die : candidates) {
      if (SamePath(PathOf(module, die), path)) return die;
    }
  }
  return std::nullopt;
}

absl::StatusOr<NamedEntity> FindName(const Module& module, const FunctionScope& scope, std::string_view name) {
  const std::optional<Dwarf_Die> content = ContentUnit(module, scope.unit);
  if (!content.has_value()) return module.split_units().Missing(scope.unit);
  return NameSearch(module, scope, *content, name).Run();
}

absl::StatusOr<NamedEntity> FindImported(const Module& module, const FunctionScope& scope, const Variable& import) {
  return FindName(module, scope, "::" + QualifiedName(module, import.die));
}

}  // namespace dlog::dwarf
