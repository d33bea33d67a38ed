// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/elf/inflate_cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "symbolizer/elf/build_id.h"
#include "symbolizer/elf/crc32.h"

namespace dlog::elf {
namespace {

constexpr char kSuffix[] = ".dwarf";
constexpr uint32_t kMaxRanges = 256;

// Last bytes of a file; the ranges stand before it.
struct Footer {
  char magic[8] = {'d', 'l', 'o', 'g', 'd', 'w', 'f', '1'};
  uint64_t content_bytes = 0;
  uint32_t range_count = 0;
  uint32_t ranges_checksum = 0;
  char boot_id[40] = {};  // /proc/sys/kernel/random/boot_id when the content was last known good
};
static_assert(sizeof(Footer) == 64);

void ReadBootId(char (&out)[40]) {
  std::memset(out, 0, sizeof(out));
  UniqueFd fd(::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
  if (fd.valid() && ::read(fd.get(), out, sizeof(out) - 1) < 0) std::memset(out, 0, sizeof(out));
}

uint32_t Checksum(const void* data, size_t size) { return Crc32({static_cast<const uint8_t*>(data), size}); }

bool ReadExactly(int fd, void* out, size_t size, uint64_t offset) {
  auto* bytes = static_cast<char*>(out);
  while (size > 0) {
    const ssize_t n = ::pread(fd, bytes, size, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes += n;
    offset += static_cast<uint64_t>(n);
    size -= static_cast<size_t>(n);
  }
  return true;
}

bool WriteExactly(int fd, const void* data, size_t size, uint64_t offset) {
  const auto* bytes = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t n = ::pwrite(fd, bytes, size, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes += n;
    offset += static_cast<uint64_t>(n);
    size -= static_cast<size_t>(n);
  }
  return true;
}

bool RangeIsIntact(int fd, const CheckedRange& range) {
  std::vector<uint8_t> buffer(1 << 20);
  uint32_t crc = 0;
  for (uint64_t done = 0; done < range.size;) {
    const size_t piece = static_cast<size_t>(std::min<uint64_t>(buffer.size(), range.size - done));
    if (!ReadExactly(fd, buffer.data(), piece, range.offset + done)) return false;
    crc = Crc32({buffer.data(), piece}, crc);
    done += piece;
  }
  return crc == range.checksum;
}

// Whole and good. Checks the content when this boot has not seen it, and notes that it has.
bool IsIntact(int fd) {
  struct stat st = {};
  Footer footer;
  if (::fstat(fd, &st) != 0 || st.st_size < static_cast<off_t>(sizeof(footer))) return false;
  const uint64_t footer_at = static_cast<uint64_t>(st.st_size) - sizeof(footer);
  if (!ReadExactly(fd, &footer, sizeof(footer), footer_at)) return false;
  if (std::memcmp(footer.magic, Footer().magic, sizeof(footer.magic)) != 0) return false;
  if (footer.range_count > kMaxRanges) return false;
  std::vector<CheckedRange> ranges(footer.range_count);
  const size_t range_bytes = ranges.size() * sizeof(CheckedRange);
  if (footer.content_bytes > footer_at || footer_at - footer.content_bytes != range_bytes) return false;
  if (!ReadExactly(fd, ranges.data(), range_bytes, footer.content_bytes)) return false;
  if (Checksum(ranges.data(), range_bytes) != footer.ranges_checksum) return false;
  char boot[40];
  ReadBootId(boot);
  if (boot[0] != 0 && std::memcmp(boot, footer.boot_id, sizeof(boot)) == 0) return true;
  for (const CheckedRange& range : ranges) {
    if (range.offset > footer.content_bytes || range.size > footer.content_bytes - range.offset) return false;
    if (!RangeIsIntact(fd, range)) return false;
  }
  std::memcpy(footer.boot_id, boot, sizeof(boot));
  // When it cannot be noted (read-only cache), the next use checks again.
  return WriteExactly(fd, &footer, sizeof(footer), footer_at) || errno == EBADF || errno == EROFS;
}

}  // namespace

std::string CacheKey(const std::string& build_id, int fd) {
  struct stat st = {};
  if (build_id.empty() || ::fstat(fd, &st) != 0) return "";
  return fmt::format("{}-{:x}-{:x}.{:x}", BuildIdHex(build_id), st.st_size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

InflateCache::Draft::~Draft() {
  if (fd.valid() && !temporary_path.empty()) ::unlink(temporary_path.c_str());
}

InflateCache::InflateCache(std::string directory, uint64_t max_bytes)
    : directory_(std::move(directory)), max_bytes_(max_bytes) {}

std::optional<UniqueFd> InflateCache::Lookup(const std::string& key) {
  if (directory_.empty() || key.empty()) return std::nullopt;
  const std::string path = directory_ + "/" + key + kSuffix;
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.valid()) fd.Reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.valid()) return std::nullopt;
  if (!IsIntact(fd.get())) {
    ::unlink(path.c_str());
    return std::nullopt;
  }
  ::futimens(fd.get(), nullptr);  // the oldest by use are deleted first
  return fd;
}

absl::StatusOr<InflateCache::Draft> InflateCache::NewFile(const std::string& key) {
  Draft draft;
  if (!directory_.empty() && !key.empty()) {
    draft.final_path = directory_ + "/" + key + kSuffix;
    draft.temporary_path = draft.final_path + ".XXXXXX";
    draft.fd.Reset(::mkostemp(draft.temporary_path.data(), O_CLOEXEC));
    if (draft.fd.valid()) return draft;
  }
  draft.final_path.clear();
  const char* directory = std::getenv("TMPDIR");
  draft.temporary_path = std::string(directory != nullptr ? directory : "/var/tmp") + "/dlog-dwarf.XXXXXX";
  draft.fd.Reset(::mkostemp(draft.temporary_path.data(), O_CLOEXEC));
  if (!draft.fd.valid()) {
    return absl::ResourceExhaustedError(
        fmt::format("cannot create a temporary file for the debug information in {}: {}", draft.temporary_path,
                    std::strerror(errno)));
  }
  ::unlink(draft.temporary_path.c_str());
  draft.temporary_path.clear();
  return draft;
}

absl::StatusOr<UniqueFd> InflateCache::Publish(Draft draft, std::vector<CheckedRange> ranges, uint64_t content_bytes) {
  UniqueFd fd = std::move(draft.fd);
  if (draft.final_path.empty()) return fd;
  Footer footer;
  footer.content_bytes = content_bytes;
  footer.range_count = static_cast<uint32_t>(ranges.size());
  const size_t range_bytes = ranges.size() * sizeof(CheckedRange);
  footer.ranges_checksum = Checksum(ranges.data(), range_bytes);
  ReadBootId(footer.boot_id);
  const bool written = WriteExactly(fd.get(), ranges.data(), range_bytes, content_bytes) &&
                       WriteExactly(fd.get(), &footer, sizeof(footer), content_bytes + range_bytes);
  if (!written || ::rename(draft.temporary_path.c_str(), draft.final_path.c_str()) != 0) {
    ::unlink(draft.temporary_path.c_str());
    return fd;
  }
  Evict(draft.final_path);
  return fd;
}

void InflateCache::Evict(const std::string& keep) const {
  namespace fs = std::filesystem;
  struct Entry {
    fs::file_time_type used;
    uint64_t size;
    fs::path path;
  };
  std::vector<Entry> entries;
  uint64_t total = 0;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory_, error)) {
    if (entry.path().extension() != kSuffix || !entry.is_regular_file(error)) continue;
    entries.push_back({entry.last_write_time(error), entry.file_size(error), entry.path()});
    total += entries.back().size;
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.used < b.used; });
  for (const Entry& entry : entries) {
    if (total <= max_bytes_) return;
    if (entry.path == keep) continue;
    fs::remove(entry.path, error);
    total -= entry.size;
  }
}

}  // namespace dlog::elf
