// SPDX-License-Identifier: Apache-2.0
//
// /proc/PID/maps, and what it says about probing: which files' code runs in the process, and whether that code is still
// the file's (some programs copy their text to huge pages; a probe there would leave a stray breakpoint in the copy).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace dlog::daemon {

struct Mapping {
  uint64_t start = 0;
  uint64_t end = 0;
  bool executable = false;
  uint64_t offset = 0;
  uint32_t device_major = 0;
  uint32_t device_minor = 0;
  uint64_t inode = 0;  // 0: anonymous or special
  std::string path;    // unescaped, without " (deleted)"; "[vdso]" and the like for special mappings
  bool deleted = false;

  // A file that can carry uprobes: not anonymous, not a memfd, not shared memory.
  bool is_file() const;
  bool same_file(const Mapping& other) const {
    return inode == other.inode && device_major == other.device_major && device_minor == other.device_minor;
  }
};

// Lines that do not parse are left out. At most kMaxMappings.
inline constexpr size_t kMaxMappings = 1 << 20;
std::vector<Mapping> ParseMaps(std::string_view text);

// PermissionDenied, NotFound (process gone), or an empty list for a kernel thread.
absl::StatusOr<std::vector<Mapping>> ReadMaps(const std::string& proc, int32_t pid);

// False when the kernel says that no executable mapping of the process is of a file with this inode number; true when
// one is, and when the kernel cannot tell (before Linux 6.11) or may not. Costs a small part of ReadMaps, most of which
// the kernel spends on writing paths.
bool MayMapCode(const std::string& proc, int32_t pid, uint64_t inode);

// True when code of the file of `maps[file]` runs from executable memory that is not that file: an executable anonymous
// (or memfd, huge page) mapping stands inside the file's image. Code generated elsewhere (a JIT) does not count.
bool TextIsRemapped(const std::vector<Mapping>& maps, size_t file);

}  // namespace dlog::daemon
