// SPDX-License-Identifier: Apache-2.0
#include "daemon/targets/build_id.h"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <optional>
#include <vector>

#include "symbolizer/base/unique_fd.h"

namespace dlog::daemon {
namespace {

constexpr size_t kMaxProgramHeaders = 1024;
constexpr size_t kMaxNoteSegment = 1 << 20;
constexpr size_t kMinBuildId = 8;  // plan.proto: BinaryInfo.build_id
constexpr size_t kMaxBuildId = 64;

// Reads exactly `size` bytes, or fails.
bool ReadAt(int fd, uint64_t offset, void* out, size_t size) {
  if (offset > static_cast<uint64_t>(INT64_MAX) - size) return false;
  size_t done = 0;
  while (done < size) {
    const ssize_t got = pread(fd, static_cast<char*>(out) + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    done += static_cast<size_t>(got);
  }
  return true;
}

uint64_t AlignUp(uint64_t value, uint64_t alignment) { return (value + alignment - 1) / alignment * alignment; }

// The build-id in the bytes of one note segment. Each note advances by at least its header, so the loop is bounded.
std::optional<std::string> FindInNotes(const std::vector<char>& notes, uint64_t alignment) {
  uint64_t at = 0;
  while (at + sizeof(Elf64_Nhdr) <= notes.size()) {
    Elf64_Nhdr header;
    memcpy(&header, notes.data() + at, sizeof(header));
    const uint64_t name = at + sizeof(header);
    const uint64_t description = AlignUp(name + header.n_namesz, alignment);
    const uint64_t end = description + header.n_descsz;
    if (end > notes.size()) return std::nullopt;
    if (header.n_type == NT_GNU_BUILD_ID && header.n_namesz == 4 && memcmp(notes.data() + name, "GNU", 4) == 0 &&
        header.n_descsz >= kMinBuildId && header.n_descsz <= kMaxBuildId) {
      return std::string(notes.data() + description, header.n_descsz);
    }
    at = AlignUp(end, alignment);
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<std::string> ReadBuildId(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, fmt::format("open {}", path));
  struct stat info;
  if (fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(fmt::format("{} is not a regular file", path));
  }
  Elf64_Ehdr header;
  if (!ReadAt(fd.get(), 0, &header, sizeof(header)) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
    return absl::InvalidArgumentError(fmt::format("{} is not an ELF file", path));
  }
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
      header.e_machine != EM_X86_64 || (header.e_type != ET_EXEC && header.e_type != ET_DYN)) {
    return absl::InvalidArgumentError(fmt::format("{} is not an x86-64 program or shared library", path));
  }
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum > kMaxProgramHeaders) {
    return absl::DataLossError(fmt::format("{}: malformed program header table", path));
  }
  for (size_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    if (header.e_phoff > UINT64_MAX - i * sizeof(segment) ||
        !ReadAt(fd.get(), header.e_phoff + i * sizeof(segment), &segment, sizeof(segment))) {
      return absl::DataLossError(fmt::format("{}: program header {} lies outside the file", path, i));
    }
    if (segment.p_type != PT_NOTE || segment.p_filesz > kMaxNoteSegment) continue;
    std::vector<char> notes(segment.p_filesz);
    if (!ReadAt(fd.get(), segment.p_offset, notes.data(), notes.size())) {
      return absl::DataLossError(fmt::format("{}: note segment {} lies outside the file", path, i));
    }
    if (auto id = FindInNotes(notes, segment.p_align == 8 ? 8 : 4)) return *id;
  }
  return std::string();
}

std::string BuildIdHex(const std::string& build_id) {
  std::string out;
  for (const char c : build_id) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return out;
}

}  // namespace dlog::daemon
