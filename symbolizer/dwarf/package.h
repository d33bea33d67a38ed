// SPDX-License-Identifier: Apache-2.0
//
// A DWARF package (.dwp): the .dwo files of a whole program in one. libdw 0.188 does not read packages, so a unit is
// taken out together with the type units that it needs and written as the .dwo file that it once was: memory and time
// are those of the unit, not of the package.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "symbolizer/base/unique_fd.h"
#include "symbolizer/dwarf/debug_sections.h"
#include "symbolizer/dwarf/package_index.h"
#include "symbolizer/elf/debug_file.h"
#include "symbolizer/elf/elf_file.h"

namespace dlog::dwarf {

inline constexpr uint64_t kMaxSplitUnitBytes = 1ull << 30;

// Thread-compatible.
class Package {
 public:
  // NotFound when there is no such file; InvalidArgument when it is no package.
  static absl::StatusOr<std::unique_ptr<Package>> Open(const std::string& path, const elf::DebugSearch& search);

  const std::string& path() const { return file_->path(); }
  bool Has(uint64_t dwo_id) const { return units_.Find(dwo_id).has_value(); }
  // A file with the unit's .dwo sections. NotFound when the package does not have it, InvalidArgument when what it has
  // is malformed, ResourceExhausted when it is larger than kMaxSplitUnitBytes.
  absl::StatusOr<UniqueFd> Extract(uint64_t dwo_id) const;

 private:
  Package() = default;

  std::unique_ptr<elf::ElfFile> file_;
  DebugSections sections_;
  PackageIndex units_;
  PackageIndex types_;
};

}  // namespace dlog::dwarf
