// SPDX-License-Identifier: Apache-2.0
//
// Split DWARF: from a skeleton unit to the unit with its content, in a package (.dwp) or a .dwo file.
#pragma once

#include <elfutils/libdw.h>

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "symbolizer/dwarf/package.h"
#include "symbolizer/elf/debug_file.h"

namespace dlog::dwarf {

// Not thread-safe. Looks for files on first use, for each unit once.
class SplitUnits {
 public:
  // Paths as they are opened.
  SplitUnits(std::string binary_path, std::string debug_path, elf::DebugSearch search);

  // The content of `skeleton` (DW_UT_skeleton); none when no file with the same id is found.
  std::optional<Dwarf_Die> Content(const Dwarf_Die& skeleton);
  // Why Content() had nothing: names the file and the places.
  absl::Status Missing(const Dwarf_Die& skeleton);

 private:
  int Open(const Dwarf_Die& skeleton, uint64_t id);
  void OpenPackages();
  std::vector<std::string> Places(const Dwarf_Die& skeleton) const;

  const std::string binary_path_;
  const std::string debug_path_;
  const elf::DebugSearch search_;
  bool packages_opened_ = false;
  std::vector<std::unique_ptr<Package>> packages_;
  std::vector<std::string> package_problems_;
  std::unordered_map<const void*, std::string> problems_;  // by address of the skeleton's DIE
};

}  // namespace dlog::dwarf
