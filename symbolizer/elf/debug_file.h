// SPDX-License-Identifier: Apache-2.0
//
// Where the DWARF of a binary is: inside it, in a build-id tree, beside it through .gnu_debuglink, or with a debuginfod
// server.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "symbolizer/elf/elf_file.h"

namespace dlog::elf {

struct DebugSearch {
  std::string root = "/";                                     // prefix for absolute paths: "/" or "/proc/PID/root"
  std::vector<std::string> directories = {"/usr/lib/debug"};  // below root: the target's own
  std::vector<std::string> own_directories;                   // of this machine, whatever the root (--debug-dir)
  std::string cache_directory;  // of inflated debug sections (inflated_debug.h); empty = none
  std::string explicit_file;    // --debug-file; must agree with the build-id

  // `path` below root; `path` as the target sees it.
  std::string InRoot(const std::string& path) const;
  std::string AsTargetSees(const std::string& path) const;
  // All debug directories as they are opened, in the order of the search.
  std::vector<std::string> Trees() const;
};

// What a file of this build-id is called in the trees. Empty for a build-id that is none.
std::vector<std::string> BuildIdPlaces(const std::string& build_id, const DebugSearch& search);
// The name under which the daemon hands in what debuginfod servers have for a build-id (sandbox/protocol.h).
std::string DebuginfodName(const std::string& build_id);

// Path of the file with the DWARF of `binary` (== binary.path() when inside).
// NotFound when there is none anywhere: the message lists what was tried, the hint tells what to install.
// FailedPrecondition when a candidate was named explicitly or by debuglink and belongs to another build: both build-ids
// are in the message; such a file is never used.
absl::StatusOr<std::string> FindDebugFile(const ElfFile& binary, const DebugSearch& search);

}  // namespace dlog::elf
