// SPDX-License-Identifier: Apache-2.0
//
// One binary with its debug information: the handle that the other files of this folder work on.
#pragma once

#include <elfutils/libdw.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "symbolizer/dwarf/debug_sections.h"
#include "symbolizer/dwarf/split_units.h"
#include "symbolizer/elf/debug_file.h"
#include "symbolizer/elf/elf_file.h"

namespace dlog::dwarf {

struct ModuleCache;  // unit_index.h

// An opened .debug_info.
struct DwarfSource {
  DwarfSource() = default;
  DwarfSource(const DwarfSource&) = delete;
  DwarfSource& operator=(const DwarfSource&) = delete;
  ~DwarfSource();

  DebugSections sections;
  Dwarf* dwarf = nullptr;
};

// Not thread-safe (libdw caches lazily).
class Module {
 public:
  // Opens `path` and finds its DWARF. Errors as ElfFile::Open, FindDebugFile and
  // OpenSupplementary.
  static absl::StatusOr<std::unique_ptr<Module>> Open(const std::string& path, const elf::DebugSearch& search);
  ~Module();

  const elf::ElfFile& binary() const { return *binary_; }
  const std::string& debug_path() const { return debug_path_; }
  Dwarf* dwarf() const { return dwarf_source_.dwarf; }
  const DebugSections& sections() const { return dwarf_source_.sections; }
  // The file with the DWARF, for its symbol table.
  Elf* debug_elf() const { return debug_file().handle(); }
  const elf::ElfFile& debug_file() const { return debug_ != nullptr ? *debug_ : *binary_; }
  // Where results that took long may be kept; empty = nowhere.
  const std::string& cache_directory() const { return cache_directory_; }
  // The file that dwz moved common units to, or nullptr.
  Dwarf* supplementary() const { return alternate_source_.dwarf; }
  // Where the contents of skeleton units are.
  SplitUnits& split_units() const { return *split_units_; }
  // After a walk over all units: each touches pages that nobody needs again.
  void ReleasePages() const { dwarf_source_.sections.ReleasePages(); }
  // .debug_frame of the debug file, or nullptr.
  Dwarf_CFI* debug_frame() const { return debug_frame_; }
  // .eh_frame of the binary itself, or nullptr.
  Dwarf_CFI* eh_frame() const { return eh_frame_; }
  // What this folder remembers about the module (indices of the units looked at).
  ModuleCache& cache() const { return *cache_; }

 private:
  Module();

  std::unique_ptr<elf::ElfFile> binary_;
  std::unique_ptr<elf::ElfFile> debug_;  // null when the DWARF is inside the binary
  std::string debug_path_;
  std::string cache_directory_;
  std::unique_ptr<elf::ElfFile> alternate_file_;  // what dwz moved out
  DwarfSource alternate_source_;                  // outlives dwarf_source_, which refers to it
  DwarfSource dwarf_source_;
  std::unique_ptr<SplitUnits> split_units_;
  Dwarf_CFI* debug_frame_ = nullptr;
  Dwarf_CFI* eh_frame_ = nullptr;
  std::unique_ptr<ModuleCache> cache_;
};

}  // namespace dlog::dwarf
