// SPDX-License-Identifier: Apache-2.0
//
// The debug sections of a file, ready to be read: inflated to disk when they are compressed.
#pragma once

#include <libelf.h>

#include <cstdint>
#include <span>
#include <string_view>

#include "absl/status/statusor.h"
#include "symbolizer/elf/debug_file.h"
#include "symbolizer/elf/elf_file.h"

namespace dlog::dwarf {

// Views `file`, which has to outlive it. Move-only.
class DebugSections {
 public:
  DebugSections() = default;
  DebugSections(DebugSections&& other) noexcept { *this = std::move(other); }
  DebugSections& operator=(DebugSections&& other) noexcept;
  ~DebugSections();

  // DataLoss when a section is damaged, ResourceExhausted when it is too large.
  static absl::StatusOr<DebugSections> Open(const elf::ElfFile& file, const elf::DebugSearch& search);

  Elf* elf() const { return elf_; }
  // The content of the section `name`, also when it was ".zdebug_..."; empty when there is none.
  std::span<const uint8_t> Find(std::string_view name) const;
  // Lets go of the pages that reading has mapped in; they come back when they are touched again. Contents do not
  // change.
  void ReleasePages() const;

 private:
  Elf* elf_ = nullptr;       // the file's own, or inflated_
  Elf* inflated_ = nullptr;  // over mapping_
  std::span<char> mapping_;  // inflated copy, if any: read-only and shared
};

// As DebugSections::Find.
std::span<const uint8_t> SectionBytes(Elf* elf, std::string_view name);

}  // namespace dlog::dwarf
