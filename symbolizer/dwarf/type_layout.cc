// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/type_layout.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "symbolizer/dwarf/expression.h"

namespace dlog::dwarf {
namespace {

v1::TypeKind FloatKind(const Dwarf_Die& core) {
  const uint64_t size = UnsignedOf(core, DW_AT_byte_size).value_or(0);
  const std::string_view name = NameOf(core);
  // 16 bytes are x87 extended precision for `long double` and binary128 for the others.
  if (size == 16) return name == "long double" ? v1::TYPE_FLOAT : v1::TYPE_OPAQUE;
  if (size == 2 && name.find("bf16") != std::string_view::npos) return v1::TYPE_OPAQUE;
  return size == 2 || size == 4 || size == 8 ? v1::TYPE_FLOAT : v1::TYPE_OPAQUE;
}

v1::TypeKind BaseKind(const Dwarf_Die& core) {
  switch (UnsignedOf(core, DW_AT_encoding).value_or(0)) {
    case DW_ATE_boolean:
      return v1::TYPE_BOOL;
    case DW_ATE_signed:
      return NameOf(core) == std::string_view("wchar_t") ? v1::TYPE_UTF_CHAR : v1::TYPE_SIGNED;
    case DW_ATE_unsigned:
      return v1::TYPE_UNSIGNED;
    case DW_ATE_signed_char:
      return v1::TYPE_CHAR;
    case DW_ATE_unsigned_char:
      return NameOf(core) == std::string_view("char8_t") ? v1::TYPE_UTF_CHAR : v1::TYPE_UCHAR;
    case DW_ATE_UTF:
    case DW_ATE_UCS:
      return v1::TYPE_UTF_CHAR;
    case DW_ATE_float:
      return FloatKind(core);
    case DW_ATE_complex_float: {
      // Shown as a struct of its two parts; those of binary128 are left out.
      const uint64_t size = UnsignedOf(core, DW_AT_byte_size).value_or(0);
      return size == 8 || size == 16 || (size == 32 && NameOf(core) == std::string_view("complex long double"))
                 ? v1::TYPE_STRUCT
                 : v1::TYPE_OPAQUE;
    }
    default:
      return v1::TYPE_OPAQUE;  // decimal, fixed-point
  }
}

// DW_AT_data_member_location: a constant, or the DW_OP_plus_uconst of DWARF 2. None for anything computed.
std::optional<uint64_t> MemberOffset(const Dwarf_Die& member) {
  auto attr = Own(member, DW_AT_data_member_location);
  if (!attr.has_value()) return 0;  // members of unions, and bitfields with DW_AT_data_bit_offset
  Dwarf_Word value = 0;
  if (dwarf_formudata(&*attr, &value) == 0) return value;
  Dwarf_Op* ops = nullptr;
  size_t count = 0;
  if (dwarf_getlocation(&*attr, &ops, &count) != 0 || count != 1) return std::nullopt;
  if (ops[0].atom == DW_OP_plus_uconst || ops[0].atom == DW_OP_constu) return ops[0].number;
  return std::nullopt;
}

// DWARF 5 section 5.7.6; DW_AT_bit_offset is the older form that counts from the most significant bit of the storage
// unit.
bool FillBitfield(const Dwarf_Die& member, uint64_t offset, v1::Field* field) {
  const std::optional<uint64_t> bits = UnsignedOf(member, DW_AT_bit_size);
  if (!bits.has_value()) {
    field->set_offset(offset);
    return true;
  }
  if (*bits == 0 || *bits > 128 || offset > (uint64_t{1} << 56)) return false;
  uint64_t position = offset * 8;
  if (const auto from_start = UnsignedOf(member, DW_AT_data_bit_offset); from_start.has_value()) {
    position += *from_start;
  } else if (const auto from_top = UnsignedOf(member, DW_AT_bit_offset); from_top.has_value()) {
    std::optional<uint64_t> storage = UnsignedOf(member, DW_AT_byte_size);
    if (!storage.has_value()) {
      std::optional<Dwarf_Die> type = StripTypedefs(TypeOf(member));
      if (type.has_value()) storage = UnsignedOf(*type, DW_AT_byte_size);
    }
    if (!storage.has_value() || *storage > 16 || *from_top + *bits > *storage * 8) return false;
    position += *storage * 8 - *from_top - *bits;
  }
  field->set_offset(position / 8);
  field->set_bit_offset(static_cast<uint32_t>(position % 8));
  field->set_bit_size(static_cast<uint32_t>(*bits));
  return true;
}

// A virtual base is found through the vtable of the object at hand (DWARF 5 section 5.7.3): its place is computed.
void SetBaseAddress(const Dwarf_Die& base, v1::Field* field) {
  auto attr = Own(base, DW_AT_data_member_location);
  Dwarf_Op* ops = nullptr;
  size_t count = 0;
  if (!attr.has_value() || dwarf_getlocation(&*attr, &ops, &count) != 0 || count == 0) return;
  v1::Node object;
  object.set_self(true);
  ExpressionContext context;
  context.initial = &object;
  context.attribute = &*attr;
  auto address = EvaluateAddress({ops, count}, context);
  if (address.ok()) *field->mutable_base_address() = *std::move(address);
}

bool FillMember(const Dwarf_Die& die, int tag, v1::Field* field) {
  const std::optional<uint64_t> offset = MemberOffset(die);
  if (tag == DW_TAG_inheritance) {
    field->set_is_base(true);
    if (UnsignedOf(die, DW_AT_virtuality).value_or(DW_VIRTUALITY_none) != DW_VIRTUALITY_none) {
      field->set_is_virtual_base(true);
      SetBaseAddress(die, field);
      return true;
    }
    if (!offset.has_value()) return false;
    field->set_offset(*offset);
    return true;
  }
  if (!offset.has_value()) return false;
  field->set_name(NameOf(die));
  return FillBitfield(die, *offset, field);
}

}  // namespace

std::optional<Dwarf_Die> StripTypedefs(std::optional<Dwarf_Die> type) {
  for (int hop = 0; type.has_value() && hop < kMaxDieDepth; ++hop) {
    switch (Tag(*type)) {
      case DW_TAG_typedef:
      case DW_TAG_template_alias:
      case DW_TAG_const_type:
      case DW_TAG_volatile_type:
      case DW_TAG_restrict_type:
      case DW_TAG_atomic_type:
      case DW_TAG_immutable_type:
      case DW_TAG_packed_type:
      case DW_TAG_shared_type:
        type = TypeOf(*type);
        break;
      default:
        return type;
    }
  }
  return std::nullopt;
}

static bool PointsToFunction(const Dwarf_Die& pointer_to_member) {
  const std::optional<Dwarf_Die> target = StripTypedefs(TypeOf(pointer_to_member));
  return !target.has_value() || Tag(*target) == DW_TAG_subroutine_type;
}

v1::TypeKind KindOf(const Dwarf_Die& core) {
  switch (Tag(core)) {
    case DW_TAG_base_type:
      return BaseKind(core);
    case DW_TAG_pointer_type:
      return v1::TYPE_POINTER;
    case DW_TAG_reference_type:
    case DW_TAG_rvalue_reference_type:
      return v1::TYPE_REFERENCE;
    case DW_TAG_class_type:
    case DW_TAG_structure_type:
    case DW_TAG_interface_type:
      return v1::TYPE_STRUCT;
    case DW_TAG_union_type:
      return v1::TYPE_UNION;
    case DW_TAG_array_type:
      return v1::TYPE_ARRAY;
    case DW_TAG_enumeration_type:
      return v1::TYPE_ENUM;
    case DW_TAG_subroutine_type:
      return v1::TYPE_FUNCTION;
    case DW_TAG_ptr_to_member_type:
      // An offset with a name for each member; a pointer to a member function is two words.
      return PointsToFunction(core) ? v1::TYPE_STRUCT : v1::TYPE_ENUM;
    case DW_TAG_unspecified_type: {
      const std::string_view name = NameOf(core);
      return name == "decltype(nullptr)" || name == "nullptr_t" ? v1::TYPE_POINTER : v1::TYPE_OPAQUE;
    }
    default:
      return v1::TYPE_OPAQUE;
  }
}

std::optional<std::vector<MemberLayout>> MembersOf(const Dwarf_Die& definition) {
  std::vector<MemberLayout> bases;
  std::vector<MemberLayout> members;
  bool good = true;
  ForEachChild(definition, [&](const Dwarf_Die& child) {
    const int tag = Tag(child);
    if (tag == DW_TAG_variant_part) good = false;
    if (tag != DW_TAG_member && tag != DW_TAG_inheritance) return good;
    if (tag == DW_TAG_member && (FlagOf(child, DW_AT_external) || FlagOf(child, DW_AT_declaration))) return true;
    MemberLayout layout{child, {}};
    good = FillMember(child, tag, &layout.field) && bases.size() + members.size() < kMaxFields;
    (tag == DW_TAG_inheritance ? bases : members).push_back(std::move(layout));
    return good;
  });
  if (!good) return std::nullopt;
  std::move(members.begin(), members.end(), std::back_inserter(bases));
  return bases;
}

bool CapturesThis(const Dwarf_Die& definition) {
  bool found = false;
  ForEachChild(definition, [&](const Dwarf_Die& child) {
    const std::string_view name = NameOf(child);
    found = Tag(child) == DW_TAG_member && (name == "this" || name == "__this");
    return !found;
  });
  return found;
}

std::optional<int64_t> EnumeratorOf(const Dwarf_Die& definition, std::string_view name) {
  std::optional<int64_t> found;
  ForEachChild(definition, [&](const Dwarf_Die& child) {
    if (Tag(child) != DW_TAG_enumeration_type) return true;
    ForEachChild(child, [&](const Dwarf_Die& enumerator) {
      if (Tag(enumerator) == DW_TAG_enumerator && name == NameOf(enumerator)) found = EnumeratorValue(enumerator);
      return !found.has_value();
    });
    return !found.has_value();
  });
  return found;
}

void FillEnumeration(const Dwarf_Die& core, v1::Type* type) {
  const uint64_t size = type->size();
  const std::optional<Dwarf_Die> underlying = StripTypedefs(TypeOf(core));
  bool is_signed = false;
  if (underlying.has_value()) {
    const v1::TypeKind kind = KindOf(*underlying);
    is_signed = kind == v1::TYPE_SIGNED || kind == v1::TYPE_CHAR;
  }
  bool single_bits = true;
  ForEachChild(core, [&](const Dwarf_Die& child) {
    if (Tag(child) != DW_TAG_enumerator) return true;
    if (type->enumerators_size() >= static_cast<int>(kMaxEnumerators)) return false;
    std::optional<int64_t> value = EnumeratorValue(child);
    if (!value.has_value()) return true;
    if (!underlying.has_value() && *value < 0) is_signed = true;
    if (is_signed && size > 0 && size < 8) {
      const int shift = static_cast<int>(64 - size * 8);
      value = static_cast<int64_t>(static_cast<uint64_t>(*value) << shift) >> shift;
    }
    const auto bits = static_cast<uint64_t>(*value);
    if (*value < 0 || (bits & (bits - 1)) != 0) single_bits = false;
    v1::Enumerator* out = type->add_enumerators();
    out->set_name(NameOf(child));
    out->set_value(*value);
    return true;
  });
  type->set_is_flag_enum(single_bits && type->enumerators_size() > 0);
  type->set_is_signed(is_signed);
}

// The same type as two units describe it.
static bool SameType(const std::optional<Dwarf_Die>& a, const std::optional<Dwarf_Die>& b, int depth) {
  if (!a.has_value() || !b.has_value()) return a.has_value() == b.has_value();
  if (SameDie(*a, *b)) return true;
  if (Tag(*a) != Tag(*b) || std::string_view(NameOf(*a)) != NameOf(*b) || depth > kMaxOriginHops) return false;
  if (NameOf(*a)[0] != '\0') return UnsignedOf(*a, DW_AT_byte_size) == UnsignedOf(*b, DW_AT_byte_size);
  return TypeOf(*a).has_value() && SameType(TypeOf(*a), TypeOf(*b), depth + 1);
}

void FillMemberPointer(const Dwarf_Die& core, std::string_view owner_name, v1::Type* type) {
  constexpr int64_t kNullOffset = -1;  // Itanium C++ ABI 2.3.1
  type->set_size(8);
  type->set_is_signed(true);
  const auto add = [type](std::string name, int64_t value) {
    v1::Enumerator* out = type->add_enumerators();
    out->set_name(std::move(name));
    out->set_value(value);
  };
  add("nullptr", kNullOffset);
  const std::optional<Dwarf_Die> target = TypeOf(core);
  const std::optional<Dwarf_Die> owner = ReferenceOf(core, DW_AT_containing_type);
  const auto members = owner.has_value() ? MembersOf(ThroughSignature(*owner)) : std::nullopt;
  if (!members.has_value() || !target.has_value()) return;
  for (const MemberLayout& member : *members) {
    const std::optional<Dwarf_Die> of = TypeOf(member.die);
    if (member.field.is_base() || member.field.bit_size() != 0 || !SameType(of, target, 0)) continue;
    if (type->enumerators_size() >= static_cast<int>(kMaxEnumerators)) return;
    add("&" + std::string(owner_name) + "::" + member.field.name(), static_cast<int64_t>(member.field.offset()));
  }
}

void FillVirtualFunctions(const Dwarf_Die& definition, std::string_view owner_name, v1::Type* type) {
  type->set_kind(v1::TYPE_ENUM);
  type->set_size(8);
  ForEachChild(definition, [&](const Dwarf_Die& child) {
    auto attr = Tag(child) == DW_TAG_subprogram ? Own(child, DW_AT_vtable_elem_location) : std::nullopt;
    Dwarf_Op* ops = nullptr;
    size_t count = 0;
    if (!attr.has_value() || dwarf_getlocation(&*attr, &ops, &count) != 0 || count != 1) return true;
    if (ops[0].atom != DW_OP_constu || ops[0].number > INT32_MAX) return true;
    if (type->enumerators_size() >= static_cast<int>(kMaxEnumerators)) return false;
    // Itanium C++ ABI 2.3.2: one plus the function's offset in the vtable.
    v1::Enumerator* out = type->add_enumerators();
    out->set_name("&virtual " + std::string(owner_name) + "::" + NameOf(child));
    out->set_value(static_cast<int64_t>(1 + 8 * ops[0].number));
    return true;
  });
}

std::optional<ComputedBound> ComputedBoundOf(const Dwarf_Die& array) {
  std::optional<Dwarf_Die> outermost;
  ForEachChild(array, [&](const Dwarf_Die& child) {
    outermost = child;
    return false;
  });
  if (!outermost.has_value() || Tag(*outermost) != DW_TAG_subrange_type) return std::nullopt;
  ComputedBound bound;
  auto attr = Own(*outermost, DW_AT_count);
  if (!attr.has_value()) {
    attr = Own(*outermost, DW_AT_upper_bound);
    // A lower bound is written by languages whose arrays do not begin at 0.
    if (!attr.has_value() || Own(*outermost, DW_AT_lower_bound).has_value()) return std::nullopt;
    bound.offset = 1;
  }
  bound.attribute = *attr;
  Dwarf_Die variable;
  if (dwarf_formref_die(&*attr, &variable) != nullptr) {
    bound.variable = variable;
    return bound;
  }
  const unsigned form = dwarf_whatform(&*attr);
  const bool expression = form == DW_FORM_exprloc || form == DW_FORM_block || form == DW_FORM_block1 ||
                          form == DW_FORM_block2 || form == DW_FORM_block4;
  return expression ? std::optional(bound) : std::nullopt;
}

std::vector<uint64_t> DimensionsOf(const Dwarf_Die& array) {
  std::vector<uint64_t> out;
  ForEachChild(array, [&](const Dwarf_Die& child) {
    const int tag = Tag(child);
    if (tag == DW_TAG_subrange_type) out.push_back(ElementCount(child).value_or(0));
    if (tag == DW_TAG_enumeration_type) out.push_back(0);
    return out.size() < kMaxDimensions;
  });
  if (out.empty()) out.push_back(0);
  return out;
}

}  // namespace dlog::dwarf
