// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/abbreviations.h"

#include <dwarf.h>
#include <fmt/format.h>

#include "absl/status/status.h"

namespace dlog::dwarf {
namespace {

constexpr size_t kMaxAbbreviations = 1 << 20;
constexpr size_t kMaxAttributes = 4096;
constexpr int kMaxIndirection = 4;

bool HasId(uint8_t unit_type) {
  return unit_type == DW_UT_skeleton || unit_type == DW_UT_split_compile || unit_type == DW_UT_type ||
         unit_type == DW_UT_split_type;
}

}  // namespace

absl::StatusOr<UnitHeader> ReadUnitHeader(std::span<const uint8_t> unit, bool in_types) {
  Cursor cursor(unit);
  UnitHeader out;
  uint64_t length = cursor.U32();
  out.is_64 = length == 0xffffffff;
  if (out.is_64) length = cursor.U64();
  if (!cursor.ok() || length > cursor.remaining()) return absl::InvalidArgumentError("unit longer than its section");
  out.size = cursor.position() + length;
  out.version = cursor.U16();
  if (out.version < 2 || out.version > 5) {
    return absl::InvalidArgumentError(fmt::format("unit of unknown version {}", out.version));
  }
  uint8_t type = in_types ? DW_UT_type : DW_UT_compile;
  if (out.version >= 5) {
    type = cursor.U8();
    out.address_size = cursor.U8();
  }
  out.abbreviations_at = cursor.position();
  out.abbreviations = cursor.Offset(out.is_64);
  if (out.version < 5) out.address_size = cursor.U8();
  if (HasId(type)) out.id = cursor.U64();
  if (type == DW_UT_type || type == DW_UT_split_type) cursor.Offset(out.is_64);
  out.dies_at = cursor.position();
  if (!cursor.ok() || out.dies_at > out.size) return absl::InvalidArgumentError("unit shorter than its header");
  return out;
}

absl::StatusOr<std::unordered_map<uint64_t, Abbreviation>> ReadAbbreviations(std::span<const uint8_t> section,
                                                                             uint64_t offset, uint64_t* table_end) {
  if (offset > section.size()) return absl::InvalidArgumentError("abbreviations beyond their section");
  Cursor cursor(section.subspan(offset));
  std::unordered_map<uint64_t, Abbreviation> out;
  while (out.size() < kMaxAbbreviations) {
    const uint64_t code = cursor.Uleb();
    if (!cursor.ok()) break;
    *table_end = offset + cursor.position();
    if (code == 0) return out;
    cursor.Uleb();  // tag
    cursor.U8();    // children
    Abbreviation abbreviation;
    while (cursor.ok() && abbreviation.attributes.size() < kMaxAttributes) {
      abbreviation.end = offset + cursor.position();
      const uint64_t name = cursor.Uleb();
      const uint64_t form = cursor.Uleb();
      if (name == 0 && form == 0) break;
      if (form == DW_FORM_implicit_const) cursor.Sleb();
      abbreviation.attributes.push_back({static_cast<uint32_t>(name), static_cast<uint32_t>(form)});
    }
    out.emplace(code, std::move(abbreviation));
  }
  return absl::InvalidArgumentError(fmt::format("malformed abbreviations at {:#x}", offset));
}

void SkipForm(Cursor& cursor, uint32_t form, const UnitHeader& unit) {
  for (int hop = 0; form == DW_FORM_indirect && hop < kMaxIndirection; ++hop) {
    form = static_cast<uint32_t>(cursor.Uleb());
  }
  switch (form) {
    case DW_FORM_flag_present:
    case DW_FORM_implicit_const:
      return;
    case DW_FORM_data1:
    case DW_FORM_ref1:
    case DW_FORM_flag:
    case DW_FORM_strx1:
    case DW_FORM_addrx1:
      return cursor.Skip(1);
    case DW_FORM_data2:
    case DW_FORM_ref2:
    case DW_FORM_strx2:
    case DW_FORM_addrx2:
      return cursor.Skip(2);
    case DW_FORM_strx3:
    case DW_FORM_addrx3:
      return cursor.Skip(3);
    case DW_FORM_data4:
    case DW_FORM_ref4:
    case DW_FORM_ref_sup4:
    case DW_FORM_strx4:
    case DW_FORM_addrx4:
      return cursor.Skip(4);
    case DW_FORM_data8:
    case DW_FORM_ref8:
    case DW_FORM_ref_sig8:
    case DW_FORM_ref_sup8:
      return cursor.Skip(8);
    case DW_FORM_data16:
      return cursor.Skip(16);
    case DW_FORM_addr:
      return cursor.Skip(unit.address_size);
    case DW_FORM_strp:
    case DW_FORM_line_strp:
    case DW_FORM_strp_sup:
    case DW_FORM_sec_offset:
    case DW_FORM_ref_addr:
    case DW_FORM_GNU_ref_alt:
    case DW_FORM_GNU_strp_alt:
      return cursor.Skip(unit.is_64 ? 8 : 4);
    case DW_FORM_udata:
    case DW_FORM_ref_udata:
    case DW_FORM_strx:
    case DW_FORM_addrx:
    case DW_FORM_loclistx:
    case DW_FORM_rnglistx:
    case DW_FORM_GNU_str_index:
    case DW_FORM_GNU_addr_index:
      cursor.Uleb();
      return;
    case DW_FORM_sdata:
      cursor.Sleb();
      return;
    case DW_FORM_string:
      cursor.CString();
      return;
    case DW_FORM_block1:
      return cursor.Skip(cursor.U8());
    case DW_FORM_block2:
      return cursor.Skip(cursor.U16());
    case DW_FORM_block4:
      return cursor.Skip(cursor.U32());
    case DW_FORM_block:
    case DW_FORM_exprloc:
      return cursor.Skip(cursor.Uleb());
    default:
      cursor.Fail();
  }
}

}  // namespace dlog::dwarf
