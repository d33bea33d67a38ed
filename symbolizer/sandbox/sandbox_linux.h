// SPDX-License-Identifier: Apache-2.0
//
// Locks the calling process in before it touches untrusted bytes (README.md tells the layers).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "symbolizer/base/unique_fd.h"
#include "symbolizer/sandbox/privileges_linux.h"

namespace dlog::sandbox {

struct Limits {
  // Memory of its own: heap and private writable mappings. What a file takes in the page cache does not count.
  uint64_t memory_bytes = 4ull << 30;
  // More than memory_bytes by the largest inflated debug file (16 GiB), which is mapped and read in parts.
  uint64_t address_space_bytes = 20ull << 30;
  uint64_t file_bytes = 17ull << 30;  // of one inflated debug file
  uint64_t descriptors = 4096;        // libdw keeps each .dwo file open
};

struct SandboxOptions {
  UniqueFd scratch;                // a directory: the only place where paths lead to
  std::optional<Account> account;  // the user to become; none: stay
  Limits limits;
};

// Which layers are in force beyond those that always are.
struct SandboxLayers {
  bool root_changed = false;
  int landlock_version = 0;  // 0 = the kernel has none
  bool filtered = false;     // false only in builds with a sanitizer
};

// Single-threaded callers only; cannot be undone. The scratch directory is the working directory afterwards. An error
// when a layer that every kernel has cannot be put in force; the process must then not go on.
absl::StatusOr<SandboxLayers> EnterSandbox(SandboxOptions options);

// For people: "user 65534, no capabilities, own root directory, landlock 7, system calls filtered".
std::string Describe(const SandboxLayers& layers);

}  // namespace dlog::sandbox
