// SPDX-License-Identifier: Apache-2.0
//
// A directory of inflated debug files. Content in, descriptor out; knows nothing of ELF.
//
// A file is written under a temporary name, gets a footer with checksums, and is renamed: readers see whole files only.
// It is not synced to disk, which would cost seconds; instead the footer names the boot in which the content was last
// checked, and the first use after a reboot reads it through and compares the checksums.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "symbolizer/base/unique_fd.h"

namespace dlog::elf {

struct CheckedRange {
  uint64_t offset = 0;
  uint64_t size = 0;
  uint32_t checksum = 0;  // CRC-32
  uint32_t reserved = 0;
};

// Identity of a file's content: build-id, size and time of last change. Empty when it cannot be cached.
std::string CacheKey(const std::string& build_id, int fd);

// Every failure of the cache means "not cached", never a failed request. Thread-compatible.
class InflateCache {
 public:
  // An empty directory disables caching.
  InflateCache(std::string directory, uint64_t max_bytes);

  // The file for `key`, checked; none when absent or damaged (a damaged file is deleted).
  std::optional<UniqueFd> Lookup(const std::string& key);

  struct Draft {
    UniqueFd fd;
    std::string temporary_path;  // empty: unlinked already
    std::string final_path;
    Draft() = default;
    Draft(Draft&&) = default;
    Draft& operator=(Draft&&) = default;
    ~Draft();
  };
  // A new empty file: in the cache, or unlinked in the temporary directory.
  absl::StatusOr<Draft> NewFile(const std::string& key);
  // Adds the footer behind `content_bytes`, publishes the file, deletes the oldest others over the limit.
  absl::StatusOr<UniqueFd> Publish(Draft draft, std::vector<CheckedRange> ranges, uint64_t content_bytes);

 private:
  void Evict(const std::string& keep) const;

  const std::string directory_;
  const uint64_t max_bytes_;
};

}  // namespace dlog::elf
