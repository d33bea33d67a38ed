// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/package_index.h"

#include <bit>

#include "absl/status/status.h"
#include "symbolizer/dwarf/cursor.h"

namespace dlog::dwarf {
namespace {

constexpr uint32_t kMaxColumns = 16;
constexpr uint32_t kMaxUnits = 1 << 24;
constexpr uint32_t kMaxProbes = 4096;

uint32_t U32At(std::span<const uint8_t> bytes, uint64_t index) { return Cursor(bytes.subspan(index * 4, 4)).U32(); }

// DW_SECT_* of DWARF 5 table 7.1, and of the GNU form.
std::optional<PackageSection> SectionOf(uint16_t version, uint32_t id) {
  switch (id) {
    case 1:
      return PackageSection::kInfo;
    case 2:
      return version < 5 ? std::optional(PackageSection::kTypes) : std::nullopt;
    case 3:
      return PackageSection::kAbbrev;
    case 4:
      return PackageSection::kLine;
    case 5:
      return PackageSection::kLoc;
    case 6:
      return PackageSection::kStrOffsets;
    case 8:
      return version < 5 ? std::nullopt : std::optional(PackageSection::kRngLists);
    default:
      return std::nullopt;
  }
}

}  // namespace

absl::StatusOr<PackageIndex> PackageIndex::Create(std::span<const uint8_t> bytes) {
  PackageIndex out;
  if (bytes.empty()) return out;
  Cursor cursor(bytes);
  // Version 5 is 16 bits and padding, version 2 is 32 bits: the same bytes.
  const uint32_t version = cursor.U32();
  if (version != 2 && version != 5) return absl::InvalidArgumentError("package index of an unknown version");
  out.version_ = static_cast<uint16_t>(version);
  out.columns_ = cursor.U32();
  out.units_ = cursor.U32();
  out.slots_ = cursor.U32();
  if (out.columns_ > kMaxColumns || out.units_ > kMaxUnits || out.slots_ > 4 * kMaxUnits) {
    return absl::InvalidArgumentError("package index with absurd sizes");
  }
  if (out.slots_ != 0 && !std::has_single_bit(out.slots_)) {
    return absl::InvalidArgumentError("package index whose number of slots is no power of two");
  }
  out.signatures_ = cursor.Bytes(uint64_t{out.slots_} * 8);
  out.rows_ = cursor.Bytes(uint64_t{out.slots_} * 4);
  out.section_ids_ = cursor.Bytes(uint64_t{out.columns_} * 4);
  out.offsets_ = cursor.Bytes(uint64_t{out.columns_} * out.units_ * 4);
  out.sizes_ = cursor.Bytes(uint64_t{out.columns_} * out.units_ * 4);
  if (!cursor.ok()) return absl::InvalidArgumentError("truncated package index");
  return out;
}

std::optional<PackageRow> PackageIndex::Find(uint64_t signature) const {
  if (slots_ == 0) return std::nullopt;
  const uint64_t mask = slots_ - 1;
  const uint64_t step = ((signature >> 32) & mask) | 1;
  uint64_t slot = signature & mask;
  for (uint32_t probe = 0; probe < slots_ && probe < kMaxProbes; ++probe) {
    const uint32_t row = U32At(rows_, slot);
    if (row == 0) return std::nullopt;
    if (Cursor(signatures_.subspan(slot * 8, 8)).U64() == signature) return Row(row);
    slot = (slot + step) & mask;
  }
  return std::nullopt;
}

std::optional<PackageRow> PackageIndex::Row(uint32_t number) const {
  if (number > units_) return std::nullopt;
  PackageRow out;
  const uint64_t first = uint64_t{number - 1} * columns_;
  for (uint32_t column = 0; column < columns_; ++column) {
    const auto section = SectionOf(version_, U32At(section_ids_, column));
    if (!section.has_value()) continue;
    out[static_cast<size_t>(*section)] = {U32At(offsets_, first + column), U32At(sizes_, first + column)};
  }
  return out;
}

}  // namespace dlog::dwarf
