// SPDX-License-Identifier: Apache-2.0
//
// What a process was at the time of a hit, from /proc: its executable and its container.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>

#include "daemon/targets/container.h"

namespace dlog::pipeline {

struct ProcessOrigin {
  std::string exe;  // as the target sees it, without the kernel's " (deleted)"
  daemon::ContainerIdentity container;
};

// Thread-compatible. A process may exec and a process id may be used again, so an entry is trusted for kTrustNs of
// record time only; then the link is read again. What started after the hit is another process: its path is not used.
class ExeCache {
 public:
  static constexpr uint64_t kTrustNs = 1'000'000'000;
  static constexpr size_t kMaxEntries = 1024;

  explicit ExeCache(std::string proc = "/proc") : proc_(std::move(proc)) {}

  // Empty when the process is gone and was not known. Valid until the next call.
  const ProcessOrigin& Find(uint32_t tgid, uint64_t hit_boot_ns);

 private:
  struct Entry {
    ProcessOrigin origin;
    uint64_t start_ns = 0;    // CLOCK_BOOTTIME, as /proc/PID/stat rounds it (down)
    uint64_t checked_ns = 0;  // time of the record for which it was read
  };
  bool ReadProcess(uint32_t tgid, Entry* entry) const;

  const std::string proc_;
  std::unordered_map<uint32_t, Entry> entries_;
};

// Field 22 of /proc/PID/stat, starttime, in ticks. False when `stat` is not such a line. The name in field 2 may hold
// anything.
bool ParseStartTime(const std::string& stat, uint64_t* ticks);

}  // namespace dlog::pipeline
