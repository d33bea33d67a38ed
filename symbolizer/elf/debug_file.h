// SPDX-License-Identifier: Apache-2.0
//
// Where the DWARF of a binary is: inside it, in a build-id tree, or beside it through .gnu_debuglink.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "symbolizer/elf/elf_file.h"

namespace dlog::elf {

struct DebugSearch {
  std::string root = "/";  // prefix for absolute paths: "/" or "/proc/PID/root"
  std::vector<std::string> directories = {"/usr/lib/debug"};
  std::string cache_directory;  // of inflated debug sections (inflated_debug.h); empty = none
  std::string explicit_file;    // --debug-file; must agree with the build-id
};

// Path of the file with the DWARF of `binary` (== binary.path() when inside).
// NotFound when there is none anywhere: the message lists what was tried, the hint tells what to install.
// FailedPrecondition when a candidate was named explicitly or by debuglink and belongs to another build: both build-ids
// are in the message; such a file is never used.
absl::StatusOr<std::string> FindDebugFile(const ElfFile& binary, const DebugSearch& search);

}  // namespace dlog::elf
