// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/plan/conversions.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "symbolizer/plan/nodes.h"

namespace dlog::plan {
namespace {

// Sign- or zero-extended value of an integer constant.
uint64_t ExtendedConstant(const v1::Type& type, uint64_t word) {
  if (type.size() == 0 || type.size() >= 8) return word;
  const unsigned shift = 64 - 8 * static_cast<unsigned>(type.size());
  if (!IsSignedInteger(type)) return word << shift >> shift;
  return static_cast<uint64_t>(static_cast<int64_t>(word << shift) >> shift);
}

std::optional<v1::Node> FoldedConstant(const v1::Type& from, const v1::Node& node, const v1::Type& to_type,
                                       uint32_t to) {
  const auto word = ConstantWord(node);
  if (!word || !IsArithmetic(from)) return std::nullopt;
  if (IsFloat(from)) {
    if (from.size() == 4 && IsFloat(to_type) && to_type.size() == 8) {
      float narrow;
      std::memcpy(&narrow, &*word, sizeof(narrow));
      const double wide = narrow;
      return MakeConstant(&wide, sizeof(wide), to);
    }
    return std::nullopt;
  }
  const uint64_t value = ExtendedConstant(from, *word);
  if (IsFloat(to_type) && to_type.size() == 8) {
    const double converted =
        IsSignedInteger(from) ? static_cast<double>(static_cast<int64_t>(value)) : static_cast<double>(value);
    return MakeConstant(&converted, sizeof(converted), to);
  }
  if (IsFloat(to_type) && to_type.size() == 4) {
    const float converted =
        IsSignedInteger(from) ? static_cast<float>(static_cast<int64_t>(value)) : static_cast<float>(value);
    return MakeConstant(&converted, sizeof(converted), to);
  }
  if (to_type.kind() == v1::TYPE_BOOL) {
    const bool converted = value != 0;
    return MakeConstant(&converted, sizeof(converted), to);
  }
  if ((IsInteger(to_type) || IsPointer(to_type)) && to_type.size() <= 8) {
    return MakeConstant(&value, to_type.size(), to);
  }
  return std::nullopt;
}

}  // namespace

bool IsInteger(const v1::Type& type) {
  switch (type.kind()) {
    case v1::TYPE_BOOL:
    case v1::TYPE_SIGNED:
    case v1::TYPE_UNSIGNED:
    case v1::TYPE_CHAR:
    case v1::TYPE_UCHAR:
    case v1::TYPE_UTF_CHAR:
    case v1::TYPE_ENUM:
      return type.size() == 1 || type.size() == 2 || type.size() == 4 || type.size() == 8;
    default:
      return false;
  }
}

bool IsFloat(const v1::Type& type) { return type.kind() == v1::TYPE_FLOAT; }
bool IsArithmetic(const v1::Type& type) { return IsInteger(type) || IsFloat(type); }
bool IsPointer(const v1::Type& type) { return type.kind() == v1::TYPE_POINTER; }
bool IsScalar(const v1::Type& type) { return IsArithmetic(type) || IsPointer(type); }

bool IsSignedInteger(const v1::Type& type) {
  return type.kind() == v1::TYPE_SIGNED || type.kind() == v1::TYPE_CHAR ||
         ((type.kind() == v1::TYPE_ENUM || type.kind() == v1::TYPE_UTF_CHAR) && type.is_signed());
}

uint32_t Fundamental(dwarf::TypeGraph* types, std::string_view name) {
  struct Entry {
    std::string_view name;
    v1::TypeKind kind;
    uint64_t size;
  };
  static constexpr Entry kEntries[] = {
      {"bool", v1::TYPE_BOOL, 1},
      {"char", v1::TYPE_CHAR, 1},
      {"int", v1::TYPE_SIGNED, 4},
      {"unsigned int", v1::TYPE_UNSIGNED, 4},
      {"long", v1::TYPE_SIGNED, 8},
      {"unsigned long", v1::TYPE_UNSIGNED, 8},
      {"long long", v1::TYPE_SIGNED, 8},
      {"unsigned long long", v1::TYPE_UNSIGNED, 8},
      {"float", v1::TYPE_FLOAT, 4},
      {"double", v1::TYPE_FLOAT, 8},
      {"long double", v1::TYPE_FLOAT, 16},
      {"short", v1::TYPE_SIGNED, 2},
      {"unsigned short", v1::TYPE_UNSIGNED, 2},
      {"signed char", v1::TYPE_CHAR, 1},
      {"unsigned char", v1::TYPE_UCHAR, 1},
      {"wchar_t", v1::TYPE_UTF_CHAR, 4},
      {"char8_t", v1::TYPE_UTF_CHAR, 1},
      {"char16_t", v1::TYPE_UTF_CHAR, 2},
      {"char32_t", v1::TYPE_UTF_CHAR, 4},
  };
  for (const Entry& entry : kEntries) {
    if (entry.name != name) continue;
    const uint32_t type = types->Builtin(entry.kind, entry.size, name);
    if (name == "wchar_t") types->mutable_at(type)->set_is_signed(true);
    return type;
  }
  return types->Builtin(v1::TYPE_SIGNED, 4, "int");
}

bool IsFundamental(std::string_view name) {
  return name == "bool" || name == "char" || name == "int" || name == "float" || name == "double" ||
         name == "wchar_t" || name.starts_with("char8") || name.starts_with("char16") || name.starts_with("char32") ||
         name.starts_with("unsigned ") || name.starts_with("signed ") || name.starts_with("long") || name == "short";
}

uint32_t Promoted(dwarf::TypeGraph* types, uint32_t type) {
  const v1::Type& t = types->at(type);
  if (!IsInteger(t)) return type;
  if (t.size() < 4) return Fundamental(types, "int");
  // wchar_t has int's range on this ABI, char32_t unsigned int's.
  const bool is_signed = IsSignedInteger(t);
  if (t.size() == 4) return Fundamental(types, is_signed ? "int" : "unsigned int");
  return Fundamental(types, is_signed ? "long" : "unsigned long");
}

uint32_t CommonType(dwarf::TypeGraph* types, uint32_t left, uint32_t right) {
  const v1::Type l = types->at(left);
  const v1::Type r = types->at(right);
  if (IsFloat(l) || IsFloat(r)) {
    const uint64_t size = std::max(IsFloat(l) ? l.size() : 4, IsFloat(r) ? r.size() : 4);
    return Fundamental(types, size > 8 ? "long double" : size == 8 ? "double" : "float");
  }
  const uint32_t pl = Promoted(types, left);
  const uint32_t pr = Promoted(types, right);
  const v1::Type& tl = types->at(pl);
  const v1::Type& tr = types->at(pr);
  if (tl.size() != tr.size()) return tl.size() > tr.size() ? pl : pr;
  return IsSignedInteger(tl) ? pr : pl;
}

v1::Node Converted(const dwarf::TypeGraph& types, v1::Node node, uint32_t to) {
  const v1::Type& from_type = types.at(node.type());
  const v1::Type& to_type = types.at(to);
  if (node.type() == to) return node;
  if (auto folded = FoldedConstant(from_type, node, to_type, to)) return *std::move(folded);
  return MakeConvert(std::move(node), to);
}

}  // namespace dlog::plan
