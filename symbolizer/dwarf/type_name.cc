// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/type_name.h"

#include <fmt/format.h>

#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/unit_index.h"

namespace dlog::dwarf {
namespace {

std::string Join(const std::string& base, const std::string& declarator) {
  return declarator.empty() ? base : base + " " + declarator;
}

const char* PointerSymbol(int tag) {
  return tag == DW_TAG_pointer_type ? "*" : tag == DW_TAG_reference_type ? "&" : "&&";
}

const char* Qualifier(int tag) {
  switch (tag) {
    case DW_TAG_const_type:
      return "const";
    case DW_TAG_volatile_type:
      return "volatile";
    case DW_TAG_restrict_type:
      return "restrict";
    case DW_TAG_atomic_type:
      return "_Atomic";
    default:
      return nullptr;
  }
}

// The C declarator grammar: what is applied last stands innermost, so the declarator is built on the way down.
class Namer {
 public:
  explicit Namer(const Module& module) : module_(module) {}

  std::string Name(const std::optional<Dwarf_Die>& type, const std::string& declarator, int depth) {
    if (!type.has_value()) return Join("void", declarator);
    if (depth > kMaxDieDepth || declarator.size() > kMaxTypeName) return "...";
    const int tag = Tag(*type);
    switch (tag) {
      case DW_TAG_pointer_type:
      case DW_TAG_reference_type:
      case DW_TAG_rvalue_reference_type:
        return Pointer(*type, tag, declarator, depth);
      case DW_TAG_const_type:
      case DW_TAG_volatile_type:
      case DW_TAG_restrict_type:
      case DW_TAG_atomic_type:
        return Qualified(*type, Qualifier(tag), declarator, depth);
      case DW_TAG_array_type:
        return Name(TypeOf(*type), declarator + Dimensions(*type), depth + 1);
      case DW_TAG_subroutine_type:
        return Name(TypeOf(*type), (declarator.empty() ? "" : declarator) + Parameters(*type, depth), depth + 1);
      case DW_TAG_ptr_to_member_type:
        return MemberPointer(*type, declarator, depth);
      default:
        return Join(Plain(*type, tag), declarator);
    }
  }

 private:
  static bool NeedsParentheses(const std::optional<Dwarf_Die>& target) {
    std::optional<Dwarf_Die> at = target;
    for (int hop = 0; at.has_value() && Qualifier(Tag(*at)) != nullptr && hop < kMaxOriginHops; ++hop) at = TypeOf(*at);
    return at.has_value() && (Tag(*at) == DW_TAG_array_type || Tag(*at) == DW_TAG_subroutine_type);
  }

  std::string Pointer(const Dwarf_Die& type, int tag, const std::string& declarator, int depth) {
    const std::optional<Dwarf_Die> target = TypeOf(type);
    const bool word = !declarator.empty() && (declarator[0] == 'c' || declarator[0] == 'v' || declarator[0] == 'r');
    std::string inner = PointerSymbol(tag) + std::string(word ? " " : "") + declarator;
    if (NeedsParentheses(target)) inner = "(" + inner + ")";
    return Name(target, inner, depth + 1);
  }

  std::string Qualified(const Dwarf_Die& type, const char* qualifier, const std::string& declarator, int depth) {
    const std::optional<Dwarf_Die> target = TypeOf(type);
    const int tag = target.has_value() ? Tag(*target) : 0;
    // "const" stands left of a name but right of a '*'.
    if (tag == DW_TAG_pointer_type || tag == DW_TAG_reference_type || tag == DW_TAG_rvalue_reference_type) {
      return Name(target, Join(qualifier, declarator), depth + 1);
    }
    if (tag == DW_TAG_array_type && ElementsHave(*target, Tag(type))) return Name(target, declarator, depth + 1);
    return qualifier + std::string(" ") + Name(target, declarator, depth + 1);
  }

  // gcc's `const char[5]` may be a const array of const char.
  static bool ElementsHave(const Dwarf_Die& array, int qualifier) {
    std::optional<Dwarf_Die> at = TypeOf(array);
    for (int hop = 0; at.has_value() && hop < kMaxOriginHops; ++hop) {
      const int tag = Tag(*at);
      if (tag == qualifier) return true;
      if (tag != DW_TAG_array_type && Qualifier(tag) == nullptr) return false;
      at = TypeOf(*at);
    }
    return false;
  }

  static std::string Dimensions(const Dwarf_Die& type) {
    std::string out;
    ForEachChild(type, [&](const Dwarf_Die& child) {
      if (Tag(child) != DW_TAG_subrange_type || out.size() > 256) return true;
      const std::optional<uint64_t> count = ElementCount(child);
      out += count.has_value() ? fmt::format("[{}]", *count) : "[]";
      return true;
    });
    return out.empty() ? "[]" : out;
  }

  std::string Parameters(const Dwarf_Die& type, int depth) {
    std::string out;
    ForEachChild(type, [&](const Dwarf_Die& child) {
      const int tag = Tag(child);
      if (out.size() > kMaxTypeName) return false;
      if (tag == DW_TAG_formal_parameter) out += (out.empty() ? "" : ", ") + Name(TypeOf(child), "", depth + 1);
      if (tag == DW_TAG_unspecified_parameters) out += out.empty() ? "..." : ", ...";
      return true;
    });
    return "(" + (out.empty() ? "void" : out) + ")";
  }

  std::string MemberPointer(const Dwarf_Die& type, const std::string& declarator, int depth) {
    const std::optional<Dwarf_Die> owner = ReferenceOf(type, DW_AT_containing_type);
    std::string inner = (owner.has_value() ? QualifiedName(module_, *owner) : "?") + "::*" + declarator;
    const std::optional<Dwarf_Die> target = TypeOf(type);
    if (NeedsParentheses(target)) inner = "(" + inner + ")";
    return Name(target, inner, depth + 1);
  }

  std::string Plain(const Dwarf_Die& type, int tag) {
    if (tag == DW_TAG_base_type) return NameOf(type);
    if (tag == DW_TAG_unspecified_type) {
      const std::string name = NameOf(type);
      return name == "decltype(nullptr)" ? "std::nullptr_t" : name;
    }
    const Dwarf_Die unit = UnitOf(type);
    std::string name = QualifiedName(module_, type);
    if (IsC(unit) && NameOf(type)[0] != '\0') {
      if (tag == DW_TAG_structure_type) return "struct " + name;
      if (tag == DW_TAG_union_type) return "union " + name;
      if (tag == DW_TAG_enumeration_type) return "enum " + name;
    }
    return name;
  }

  const Module& module_;
};

}  // namespace

std::string RawTypeName(const Module& module, const std::optional<Dwarf_Die>& type) {
  return Namer(module).Name(type, "", 0);
}

}  // namespace dlog::dwarf
