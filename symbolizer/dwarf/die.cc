// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/die.h"

namespace dlog::dwarf {
namespace {

// More than any real module (Chromium has about 40,000).
constexpr int kMaxUnits = 1 << 20;

}  // namespace

std::optional<Dwarf_Attribute> Own(Dwarf_Die die, unsigned attribute) {
  Dwarf_Attribute out;
  if (dwarf_attr(&die, attribute, &out) == nullptr) return std::nullopt;
  return out;
}

std::optional<Dwarf_Attribute> Inherited(Dwarf_Die die, unsigned attribute) {
  Dwarf_Attribute out;
  if (dwarf_attr_integrate(&die, attribute, &out) == nullptr) return std::nullopt;
  return out;
}

std::optional<uint64_t> UnsignedOf(Dwarf_Die die, unsigned attribute) {
  auto attr = Inherited(die, attribute);
  Dwarf_Word value = 0;
  if (!attr.has_value() || dwarf_formudata(&*attr, &value) != 0) return std::nullopt;
  return value;
}

bool FlagOf(Dwarf_Die die, unsigned attribute) {
  auto attr = Inherited(die, attribute);
  bool value = false;
  return attr.has_value() && dwarf_formflag(&*attr, &value) == 0 && value;
}

std::optional<Dwarf_Die> ReferenceOf(Dwarf_Die die, unsigned attribute) {
  auto attr = Own(die, attribute);
  Dwarf_Die out;
  if (!attr.has_value() || dwarf_formref_die(&*attr, &out) == nullptr) return std::nullopt;
  return out;
}

std::optional<Dwarf_Die> TypeOf(Dwarf_Die die) {
  auto attr = Inherited(die, DW_AT_type);
  Dwarf_Die out;
  if (!attr.has_value() || dwarf_formref_die(&*attr, &out) == nullptr) return std::nullopt;
  return ThroughSignature(out);
}

Dwarf_Die ThroughSignature(const Dwarf_Die& die) {
  // The signature's target is a definition, so one step is enough.
  return ReferenceOf(die, DW_AT_signature).value_or(die);
}

const char* NameOf(Dwarf_Die die) {
  const char* name = dwarf_diename(&die);
  return name == nullptr ? "" : name;
}

const char* LinkageNameOf(Dwarf_Die die) {
  auto attr = Inherited(die, DW_AT_linkage_name);
  if (!attr.has_value()) attr = Inherited(die, DW_AT_MIPS_linkage_name);
  const char* name = attr.has_value() ? dwarf_formstring(&*attr) : nullptr;
  return name == nullptr ? "" : name;
}

Dwarf_Die DeclarationOf(Dwarf_Die die) {
  for (int hop = 0; hop < kMaxOriginHops; ++hop) {
    auto next = ReferenceOf(die, DW_AT_abstract_origin);
    if (!next.has_value()) next = ReferenceOf(die, DW_AT_specification);
    if (!next.has_value()) break;
    die = *next;
  }
  return die;
}

std::vector<AddressRange> RangesOf(const Module& module, Dwarf_Die die) {
  std::vector<AddressRange> out;
  Dwarf_Addr base = 0;
  Dwarf_Addr begin = 0;
  Dwarf_Addr end = 0;
  ptrdiff_t offset = 0;
  while (out.size() < kMaxRangesPerDie && (offset = dwarf_ranges(&die, offset, &base, &begin, &end)) > 0) {
    if (begin < end && module.binary().IsCode(LinkAddress{begin}))
      out.push_back({LinkAddress{begin}, LinkAddress{end}});
  }
  return out;
}

bool HasCodeAttributes(Dwarf_Die die) { return dwarf_hasattr(&die, DW_AT_low_pc) || dwarf_hasattr(&die, DW_AT_ranges); }

Dwarf_Die UnitOf(Dwarf_Die die) {
  Dwarf_Die unit;
  if (dwarf_diecu(&die, &unit, nullptr, nullptr) == nullptr) unit = die;
  return unit;
}

std::optional<Dwarf_Die> ContentUnit(const Module& module, const Dwarf_Die& unit) {
  uint8_t type = 0;
  if (dwarf_cu_info(unit.cu, nullptr, &type, nullptr, nullptr, nullptr, nullptr, nullptr) != 0) return unit;
  return type == DW_UT_skeleton ? module.split_units().Content(unit) : unit;
}

bool IsCpp(Dwarf_Die unit) {
  switch (dwarf_srclang(&unit)) {
    case DW_LANG_C_plus_plus:
    case DW_LANG_C_plus_plus_03:
    case DW_LANG_C_plus_plus_11:
    case DW_LANG_C_plus_plus_14:
    case 0x2b:  // DW_LANG_C_plus_plus_17 and _20, registered after DWARF 5
    case 0x2c:
      return true;
    default:
      return false;
  }
}

bool IsC(Dwarf_Die unit) {
  switch (dwarf_srclang(&unit)) {
    case DW_LANG_C:
    case DW_LANG_C89:
    case DW_LANG_C99:
    case DW_LANG_C11:
    case 0x2d:  // DW_LANG_C17, registered after DWARF 5
      return true;
    default:
      return false;
  }
}

std::optional<uint64_t> ElementCount(const Dwarf_Die& subrange) {
  // Constants only: an expression or a reference to a variable is a variable-length array.
  auto constant = [&](unsigned name) -> std::optional<int64_t> {
    auto attr = Own(subrange, name);
    if (!attr.has_value()) return std::nullopt;
    Dwarf_Sword value = 0;
    Dwarf_Word word = 0;
    if (dwarf_whatform(&*attr) == DW_FORM_sdata && dwarf_formsdata(&*attr, &value) == 0) return value;
    if (dwarf_formudata(&*attr, &word) == 0) return static_cast<int64_t>(word);
    return std::nullopt;
  };
  if (auto count = constant(DW_AT_count); count.has_value()) return *count < 0 ? std::nullopt : std::optional(*count);
  const auto upper = constant(DW_AT_upper_bound);
  if (!upper.has_value()) return std::nullopt;
  const int64_t lower = constant(DW_AT_lower_bound).value_or(0);
  // An upper bound of -1 (in any width) is how compilers write an empty or flexible array.
  if (*upper < lower || *upper >= 0xffffffffLL) return std::nullopt;
  return static_cast<uint64_t>(*upper) - static_cast<uint64_t>(lower) + 1;
}

std::optional<int64_t> EnumeratorValue(const Dwarf_Die& enumerator) {
  auto attr = Own(enumerator, DW_AT_const_value);
  if (!attr.has_value()) return std::nullopt;
  const unsigned form = dwarf_whatform(&*attr);
  Dwarf_Sword value = 0;
  Dwarf_Word word = 0;
  // libdw sign-extends DW_FORM_data1..8 in formsdata; producers write non-negative values in them.
  if (form == DW_FORM_sdata || form == DW_FORM_implicit_const) {
    if (dwarf_formsdata(&*attr, &value) == 0) return value;
  } else if (dwarf_formudata(&*attr, &word) == 0) {
    return static_cast<int64_t>(word);
  }
  return std::nullopt;
}

// The type units of the .dwo file with `content`; false when `visit` stopped.
static bool ForEachTypeUnit(const Dwarf_Die& content, const std::function<bool(const Dwarf_Die&)>& visit) {
  Dwarf* dwarf = dwarf_cu_getdwarf(content.cu);
  Dwarf_CU* unit = nullptr;
  uint8_t type = 0;
  Dwarf_Die die;
  for (int i = 0; i < kMaxUnits; ++i) {
    if (dwarf_get_units(dwarf, unit, &unit, nullptr, &type, &die, nullptr) != 0) return true;
    if ((type == DW_UT_type || type == DW_UT_split_type) && !visit(die)) return false;
  }
  return true;
}

void ForEachUnit(const Module& module, bool with_type_units, const std::function<bool(const Dwarf_Die&)>& visit) {
  Dwarf_CU* unit = nullptr;
  Dwarf_CU* next = nullptr;
  uint8_t type = 0;
  Dwarf_Die die;
  Dwarf* dwarf = module.dwarf();
  for (int i = 0; i < kMaxUnits; ++i) {
    if (dwarf_get_units(dwarf, unit, &next, nullptr, &type, &die, nullptr) != 0) {
      // What dwz moved to another file are types.
      if (!with_type_units || dwarf != module.dwarf() || module.supplementary() == nullptr) return;
      dwarf = module.supplementary();
      next = nullptr;
      unit = nullptr;
      continue;
    }
    unit = next;
    if (i % kUnitsPerRelease == kUnitsPerRelease - 1) module.ReleasePages();
    if (type == DW_UT_skeleton) {
      const std::optional<Dwarf_Die> content = module.split_units().Content(die);
      if (!content.has_value()) continue;
      if (!visit(*content) || (with_type_units && !ForEachTypeUnit(*content, visit))) return;
    } else if (type == DW_UT_compile || type == DW_UT_split_compile ||
               (with_type_units && (type == DW_UT_partial || type == DW_UT_type || type == DW_UT_split_type))) {
      if (!visit(die)) return;
    }
  }
}

void ForEachCodeUnit(const Module& module, const std::function<bool(const Dwarf_Die&)>& visit) {
  Dwarf_CU* unit = nullptr;
  uint8_t type = 0;
  Dwarf_Die die;
  for (int i = 0; i < kMaxUnits; ++i) {
    if (dwarf_get_units(module.dwarf(), unit, &unit, nullptr, &type, &die, nullptr) != 0) return;
    if ((type == DW_UT_compile || type == DW_UT_skeleton) && !visit(die)) return;
  }
}

}  // namespace dlog::dwarf
