// SPDX-License-Identifier: Apache-2.0
//
// Raw access to one unit of .debug_info: header, abbreviations (DWARF 5 section 7.5), sizes of forms. For what has to
// be known before libdw can read the unit: reading DIEs is libdw's job.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "symbolizer/dwarf/cursor.h"

namespace dlog::dwarf {

struct UnitHeader {
  uint16_t version = 0;
  uint8_t address_size = 8;
  bool is_64 = false;  // the 64-bit DWARF format
  uint64_t size = 0;   // of the whole unit, header included
  uint64_t abbreviations = 0;
  size_t abbreviations_at = 0;  // where in the header the offset above stands
  size_t dies_at = 0;           // where the first DIE begins
  uint64_t id = 0;              // dwo_id or type signature; 0 when the header has none
};

// The header at the beginning of `unit`. `in_types`: a unit of version 4 in .debug_types. InvalidArgument when
// malformed.
absl::StatusOr<UnitHeader> ReadUnitHeader(std::span<const uint8_t> unit, bool in_types);

struct AttributeSpec {
  uint32_t name = 0;
  uint32_t form = 0;
};

struct Abbreviation {
  std::vector<AttributeSpec> attributes;
  size_t end = 0;  // where in the section its two closing zeros stand
};

// The table that begins at `offset` of `section`, by code; `*table_end` is where it ends. InvalidArgument when
// malformed.
absl::StatusOr<std::unordered_map<uint64_t, Abbreviation>> ReadAbbreviations(std::span<const uint8_t> section,
                                                                             uint64_t offset, uint64_t* table_end);

// Skips one attribute value; fails the cursor for an unknown form.
void SkipForm(Cursor& cursor, uint32_t form, const UnitHeader& unit);

}  // namespace dlog::dwarf
