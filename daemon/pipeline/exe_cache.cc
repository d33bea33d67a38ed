// SPDX-License-Identifier: Apache-2.0
#include "daemon/pipeline/exe_cache.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <charconv>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "symbolizer/base/unique_fd.h"

namespace dlog::pipeline {
namespace {

constexpr std::string_view kDeleted = " (deleted)";
constexpr int kStartTimeField = 22;

uint64_t TickNs() {
  static const long ticks_per_second = sysconf(_SC_CLK_TCK);
  return 1'000'000'000u / static_cast<uint64_t>(ticks_per_second > 0 ? ticks_per_second : 100);
}

}  // namespace

bool ParseStartTime(const std::string& stat, uint64_t* ticks) {
  // The last ')' ends field 2; the fields after it are numbers and one letter.
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return false;
  size_t position = name_end + 1;
  for (int field = 3; field <= kStartTimeField; ++field) {
    position = stat.find_first_not_of(' ', position);
    if (position == std::string::npos) return false;
    if (field == kStartTimeField) break;
    position = stat.find(' ', position);
    if (position == std::string::npos) return false;
  }
  const auto result = std::from_chars(stat.data() + position, stat.data() + stat.size(), *ticks);
  return result.ec == std::errc();
}

bool ExeCache::ReadProcess(uint32_t tgid, Entry* entry) const {
  const std::string directory = absl::StrCat(proc_, "/", tgid);
  char buffer[PATH_MAX];
  const ssize_t length = readlink(absl::StrCat(directory, "/exe").c_str(), buffer, sizeof(buffer));
  if (length < 0) return false;
  std::string_view path(buffer, static_cast<size_t>(length));
  if (path.ends_with(kDeleted)) path.remove_suffix(kDeleted.size());
  entry->origin.exe = path;
  entry->origin.container = daemon::ContainerOf(proc_, static_cast<int>(tgid));

  const UniqueFd stat(open(absl::StrCat(directory, "/stat").c_str(), O_RDONLY | O_CLOEXEC));
  if (!stat.valid()) return false;
  const ssize_t size = read(stat.get(), buffer, sizeof(buffer));
  uint64_t ticks = 0;
  if (size <= 0 || !ParseStartTime(std::string(buffer, static_cast<size_t>(size)), &ticks)) return false;
  entry->start_ns = ticks * TickNs();
  return true;
}

const ProcessOrigin& ExeCache::Find(uint32_t tgid, uint64_t hit_boot_ns) {
  static const ProcessOrigin unknown;
  const auto found = entries_.find(tgid);
  // Records of several CPUs are not in order, so "recent" is meant in both directions.
  if (found != entries_.end() && hit_boot_ns - found->second.checked_ns + kTrustNs <= 2 * kTrustNs) {
    return found->second.origin;
  }
  Entry entry;
  entry.checked_ns = hit_boot_ns;
  if (!ReadProcess(tgid, &entry) || entry.start_ns > hit_boot_ns) {
    // Gone, or another process by now: what was known is right only for a hit that followed soon.
    if (found == entries_.end()) return unknown;
    entries_.erase(found);
    return unknown;
  }
  if (found != entries_.end()) return (found->second = std::move(entry)).origin;
  if (entries_.size() >= kMaxEntries) entries_.clear();
  return entries_.emplace(tgid, std::move(entry)).first->second.origin;
}

}  // namespace dlog::pipeline
