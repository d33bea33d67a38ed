// SPDX-License-Identifier: Apache-2.0
//
// The file with what several debug files share, as dwz makes it: named by .gnu_debugaltlink (file name, build-id).
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "symbolizer/dwarf/debug_sections.h"
#include "symbolizer/elf/debug_file.h"
#include "symbolizer/elf/elf_file.h"

namespace dlog::dwarf {

// The file that the debug file at `debug_path` refers to; null when it refers to none.
// NotFound when it is missing or only a file of another build is there: names and types would be missing everywhere, so
// nothing can be read without it. The message names file, build-id and places.
// Unimplemented for DWARF 5's own form of the reference, .debug_sup.
absl::StatusOr<std::unique_ptr<elf::ElfFile>> OpenSupplementary(const DebugSections& sections,
                                                                const std::string& debug_path,
                                                                const elf::DebugSearch& search);

}  // namespace dlog::dwarf
