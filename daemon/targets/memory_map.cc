// SPDX-License-Identifier: Apache-2.0
#include "daemon/targets/memory_map.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>
#include <utility>

#include "daemon/targets/small_file.h"
#include "symbolizer/base/status_hint.h"
#include "symbolizer/base/unique_fd.h"

namespace dlog::daemon {
namespace {

constexpr size_t kMaxMapsBytes = 256 << 20;
constexpr std::string_view kDeleted = " (deleted)";

// Takes a number off the front of `text`, and the one character `after` behind it.
template <typename T>
bool Take(std::string_view* text, T* out, int base, char after) {
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), *out, base);
  if (error != std::errc()) return false;
  text->remove_prefix(static_cast<size_t>(end - text->data()));
  if (text->empty() || text->front() != after) return false;
  text->remove_prefix(1);
  return true;
}

// The kernel writes a newline in a path as \012 (seq_file_path escapes "\n" only).
std::string Unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 4) == "\\012") {
      out.push_back('\n');
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

std::optional<Mapping> ParseLine(std::string_view line) {
  Mapping m;
  if (!Take(&line, &m.start, 16, '-') || !Take(&line, &m.end, 16, ' ') || m.end <= m.start) return std::nullopt;
  if (line.size() < 5 || line[4] != ' ') return std::nullopt;
  m.executable = line[2] == 'x';
  line.remove_prefix(5);
  if (!Take(&line, &m.offset, 16, ' ') || !Take(&line, &m.device_major, 16, ':') ||
      !Take(&line, &m.device_minor, 16, ' ')) {
    return std::nullopt;
  }
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), m.inode);
  if (error != std::errc()) return std::nullopt;
  line.remove_prefix(static_cast<size_t>(end - line.data()));
  const size_t path = line.find_first_not_of(' ');
  if (path == std::string_view::npos) return m;
  line.remove_prefix(path);
  if (line.size() > kDeleted.size() && line.substr(line.size() - kDeleted.size()) == kDeleted) {
    m.deleted = true;
    line.remove_suffix(kDeleted.size());
  }
  m.path = Unescape(line);
  return m;
}

// struct procmap_query and PROCMAP_QUERY of linux/fs.h since Linux 6.11, which the headers of older distributions lack.
struct MapQuery {
  uint64_t size = sizeof(MapQuery);
  uint64_t flags = 0;
  uint64_t address = 0;
  uint64_t start = 0;  // from here on: the answer
  uint64_t end = 0;
  uint64_t vma_flags = 0;
  uint64_t page_size = 0;
  uint64_t offset = 0;
  uint64_t inode = 0;
  uint32_t device_major = 0;
  uint32_t device_minor = 0;
  uint32_t name_size = 0;  // 0: the path is not wanted
  uint32_t build_id_size = 0;
  uint64_t name = 0;
  uint64_t build_id = 0;
};
static_assert(sizeof(MapQuery) == 104);
constexpr unsigned long kMapQuery = _IOWR('f', 17, MapQuery);
constexpr uint64_t kNextExecutableFile = 0x04 | 0x10 | 0x20;  // VMA_EXECUTABLE, COVERING_OR_NEXT_VMA, FILE_BACKED_VMA

bool StartsWith(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

}  // namespace

bool Mapping::is_file() const {
  if (inode == 0 || path.empty() || path.front() != '/') return false;
  for (std::string_view special : {"/memfd:", "/anon_hugepage", "/SYSV", "/dev/zero", "/[aio]"}) {
    if (StartsWith(path, special)) return false;
  }
  return true;
}

std::vector<Mapping> ParseMaps(std::string_view text) {
  std::vector<Mapping> maps;
  size_t at = 0;
  while (at < text.size() && maps.size() < kMaxMappings) {
    const size_t end = std::min(text.find('\n', at), text.size());
    if (auto mapping = ParseLine(text.substr(at, end - at))) maps.push_back(std::move(*mapping));
    at = end + 1;
  }
  return maps;
}

absl::StatusOr<std::vector<Mapping>> ReadMaps(const std::string& proc, int32_t pid) {
  auto text = ReadSmallFile(fmt::format("{}/{}/maps", proc, pid), kMaxMapsBytes);
  if (text.ok()) return ParseMaps(*text);
  absl::Status status = WithContext(text.status(), fmt::format("memory map of process {}", pid));
  if (!absl::IsPermissionDenied(status)) return status;
  return WithHint(status, "run dlogd (or dlogctl without a daemon) as root");
}

bool MayMapCode(const std::string& proc, int32_t pid, uint64_t inode) {
  const UniqueFd maps(open(fmt::format("{}/{}/maps", proc, pid).c_str(), O_RDONLY | O_CLOEXEC));
  if (!maps.valid()) return true;
  uint64_t address = 0;
  for (size_t i = 0; i < kMaxMappings; ++i) {
    MapQuery query;
    query.flags = kNextExecutableFile;
    query.address = address;
    if (ioctl(maps.get(), kMapQuery, &query) != 0) return errno != ENOENT;  // ENOENT: there is none behind the last one
    if (query.inode == inode) return true;
    if (query.end <= address) return true;
    address = query.end;
  }
  return true;
}

bool TextIsRemapped(const std::vector<Mapping>& maps, size_t file) {
  const Mapping& wanted = maps[file];
  for (size_t i = 0; i < maps.size(); ++i) {
    const Mapping& m = maps[i];
    if (!m.executable || m.is_file() || (!m.path.empty() && m.path.front() == '[')) continue;
    // The loader lays an image out in ascending file offsets, its first segment at offset 0. So executable memory right
    // before a later segment, or right behind the file's own code, stands where the file's code was.
    const bool before_later_segment =
        i + 1 < maps.size() && maps[i + 1].start == m.end && maps[i + 1].same_file(wanted) && maps[i + 1].offset != 0;
    const bool behind_code =
        i > 0 && maps[i - 1].end == m.start && maps[i - 1].same_file(wanted) && maps[i - 1].executable;
    if (before_later_segment || behind_code) return true;
  }
  return false;
}

}  // namespace dlog::daemon
