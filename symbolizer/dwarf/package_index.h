// SPDX-License-Identifier: Apache-2.0
//
// .debug_cu_index and .debug_tu_index of a DWARF package file: DWARF 5 section 7.3.5, and the GNU form of DWARF 4
// (version 2; gcc.gnu.org/wiki/DebugFissionDWP) with its own section numbers.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "absl/status/statusor.h"

namespace dlog::dwarf {

enum class PackageSection { kInfo, kTypes, kAbbrev, kLine, kLoc, kStrOffsets, kRngLists, kCount };

struct PackageSlice {
  uint64_t offset = 0;
  uint64_t size = 0;
};

// What one unit has in each section; size 0 = nothing.
using PackageRow = std::array<PackageSlice, static_cast<size_t>(PackageSection::kCount)>;

// A view of the section's bytes.
class PackageIndex {
 public:
  // An empty section gives an index without units. InvalidArgument when malformed.
  static absl::StatusOr<PackageIndex> Create(std::span<const uint8_t> bytes);

  // By dwo_id or type signature. Constant time as long as the table is honest, bounded in any case.
  std::optional<PackageRow> Find(uint64_t signature) const;
  uint16_t version() const { return version_; }
  uint32_t units() const { return units_; }

 private:
  std::optional<PackageRow> Row(uint32_t number) const;

  uint16_t version_ = 0;
  uint32_t columns_ = 0;
  uint32_t units_ = 0;
  uint32_t slots_ = 0;
  std::span<const uint8_t> signatures_;
  std::span<const uint8_t> rows_;
  std::span<const uint8_t> section_ids_;
  std::span<const uint8_t> offsets_;
  std::span<const uint8_t> sizes_;
};

}  // namespace dlog::dwarf
