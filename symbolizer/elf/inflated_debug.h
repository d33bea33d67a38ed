// SPDX-License-Identifier: Apache-2.0
//
// The debug sections of a file as an uncompressed ELF file on disk, so that readers map it and touch only the pages
// they need: the memory of the process does not grow with the size of the debug information.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "symbolizer/base/unique_fd.h"
#include "symbolizer/elf/elf_file.h"

namespace dlog::elf {

struct InflateOptions {
  // Where inflated files are kept between runs; empty = nowhere (an unlinked temporary file is used).
  // Safe to delete at any time. Files are published by rename, so readers see whole ones only.
  std::string cache_directory;
  uint64_t cache_bytes = 4ull << 30;  // the oldest files are deleted to stay below
};

// True when some .debug section is compressed.
bool HasCompressedDebug(const ElfFile& file);

// A descriptor of an ELF file with the debug sections of `file`, inflated, under their standard names, and nothing
// else. DataLoss when a section is damaged; ResourceExhausted when it claims more than kMaxInflatedBytes or the disk is
// full.
absl::StatusOr<UniqueFd> InflatedDebug(const ElfFile& file, const InflateOptions& options);

inline constexpr uint64_t kMaxInflatedBytes = 16ull << 30;

}  // namespace dlog::elf
