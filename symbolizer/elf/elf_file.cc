// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/elf/elf_file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "absl/status/status.h"
#include "symbolizer/base/status_hint.h"
#include "symbolizer/elf/build_id.h"

namespace dlog::elf {
namespace {

// PN_XNUM and SHN_LORESERVE bound what a file without extended numbering can have; nothing real has more.
constexpr uint64_t kMaxProgramHeaders = 0xffff;
constexpr uint64_t kMaxSections = 0xff00;

absl::Status OpenError(const std::string& path, int error) {
  const std::string message = fmt::format("{}: cannot open: {}", path, std::strerror(error));
  if (error == ENOENT || error == ENOTDIR) return WithHint(absl::NotFoundError(message), "check the path");
  if (error == EACCES || error == EPERM) return absl::PermissionDeniedError(message);
  return absl::UnavailableError(message);
}

absl::Status NotElf(const std::string& path, const std::string& why) {
  return WithHint(absl::InvalidArgumentError(fmt::format("{}: {}", path, why)),
                  "a whole ELF file for x86-64 is needed: a program, a shared library or its debug file");
}

bool InFile(uint64_t offset, uint64_t size, uint64_t file_size) {
  return offset <= file_size && size <= file_size - offset;
}

// Copies out: headers in a hostile file need not be aligned.
template <typename T>
T LoadAt(std::span<const uint8_t> image, uint64_t offset) {
  T out;
  std::memcpy(&out, image.data() + offset, sizeof out);
  return out;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ElfFile>> ElfFile::Open(const std::string& path) { return Open(path, false); }

absl::StatusOr<std::unique_ptr<ElfFile>> ElfFile::OpenDebugFile(const std::string& path) { return Open(path, true); }

absl::StatusOr<std::unique_ptr<ElfFile>> ElfFile::Open(const std::string& path, bool any_type) {
  std::unique_ptr<ElfFile> file(new ElfFile());
  file->path_ = path;
  if (absl::Status s = file->Map(); !s.ok()) return s;
  if (absl::Status s = file->ReadHeader(any_type); !s.ok()) return s;
  if (absl::Status s = file->ReadSections(); !s.ok()) return s;
  if (absl::Status s = file->ReadSegments(); !s.ok()) return s;
  if (elf_version(EV_CURRENT) == EV_NONE) return absl::InternalError("libelf is older than its header");
  file->elf_ = elf_begin(file->fd_.get(), ELF_C_READ_MMAP, nullptr);
  if (file->elf_ == nullptr || elf_kind(file->elf_) != ELF_K_ELF) {
    return NotElf(path, fmt::format("libelf cannot read it: {}", elf_errmsg(-1)));
  }
  return file;
}

ElfFile::~ElfFile() {
  if (elf_ != nullptr) elf_end(elf_);
  if (!image_.empty()) ::munmap(const_cast<uint8_t*>(image_.data()), image_.size());
}

absl::Status ElfFile::Map() {
  // O_NONBLOCK: opening a FIFO must not hang; it is refused below.
  fd_.Reset(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd_.valid()) return OpenError(path_, errno);
  struct stat info;
  if (::fstat(fd_.get(), &info) != 0) return OpenError(path_, errno);
  if (!S_ISREG(info.st_mode)) return NotElf(path_, "not a regular file");
  if (static_cast<uint64_t>(info.st_size) < sizeof(Elf64_Ehdr)) return NotElf(path_, "not an ELF file (too short)");
  // Shared: the kernel writes the breakpoints of a probe of every process (-x) into each private mapping of the file,
  // so the worker would read int3 where another logpoint stands (kernel/events/uprobes.c, valid_vma).
  void* base = ::mmap(nullptr, info.st_size, PROT_READ, MAP_SHARED, fd_.get(), 0);
  if (base == MAP_FAILED) return OpenError(path_, errno);
  image_ = {static_cast<const uint8_t*>(base), static_cast<size_t>(info.st_size)};
  return absl::OkStatus();
}

absl::Status ElfFile::ReadHeader(bool any_type) {
  if (std::memcmp(image_.data(), ELFMAG, SELFMAG) != 0) return NotElf(path_, "not an ELF file");
  const auto header = LoadAt<Elf64_Ehdr>(image_, 0);
  if (header.e_ident[EI_CLASS] != ELFCLASS64) return NotElf(path_, "not a 64-bit ELF file; only x86-64 is supported");
  if (header.e_ident[EI_DATA] != ELFDATA2LSB) return NotElf(path_, "a big-endian ELF file; only x86-64 is supported");
  if (header.e_machine != EM_X86_64) {
    return NotElf(path_, fmt::format("made for another processor (e_machine {}); only x86-64 is supported",
                                     static_cast<unsigned>(header.e_machine)));
  }
  if (!any_type && header.e_type != ET_EXEC && header.e_type != ET_DYN) {
    return NotElf(path_, fmt::format("neither an executable nor a shared library (e_type {})",
                                     static_cast<unsigned>(header.e_type)));
  }
  return absl::OkStatus();
}

absl::Status ElfFile::ReadSections() {
  const auto header = LoadAt<Elf64_Ehdr>(image_, 0);
  if (header.e_shoff == 0 || header.e_shnum == 0) return absl::OkStatus();
  if (header.e_shentsize != sizeof(Elf64_Shdr)) return NotElf(path_, "section headers of a wrong size");
  if (header.e_shnum > kMaxSections) return NotElf(path_, "too many sections");
  if (!InFile(header.e_shoff, uint64_t{header.e_shnum} * sizeof(Elf64_Shdr), image_.size())) {
    return NotElf(path_, "truncated: the section headers lie beyond the end of the file");
  }
  for (uint64_t i = 1; i < header.e_shnum; ++i) {
    const auto section = LoadAt<Elf64_Shdr>(image_, header.e_shoff + i * sizeof(Elf64_Shdr));
    if (section.sh_type != SHT_NOBITS && section.sh_type != SHT_NULL &&
        !InFile(section.sh_offset, section.sh_size, image_.size())) {
      return NotElf(path_, fmt::format("truncated: section {} ends beyond the end of the file", i));
    }
    if ((section.sh_flags & (SHF_ALLOC | SHF_EXECINSTR)) == (SHF_ALLOC | SHF_EXECINSTR)) {
      if (section.sh_type == SHT_NOBITS) debug_only_ = true;
      if (section.sh_addr + section.sh_size >= section.sh_addr) {
        code_sections_.push_back({LinkAddress{section.sh_addr}, LinkAddress{section.sh_addr + section.sh_size}});
      }
    }
    if (section.sh_type == SHT_NOTE && build_id_.empty()) {
      build_id_ = BuildIdFromNotes(image_.subspan(section.sh_offset, section.sh_size), section.sh_addralign);
    }
  }
  return absl::OkStatus();
}

absl::Status ElfFile::ReadSegments() {
  const auto header = LoadAt<Elf64_Ehdr>(image_, 0);
  if (header.e_phnum == 0 || debug_only_) return absl::OkStatus();
  if (header.e_phentsize != sizeof(Elf64_Phdr)) return NotElf(path_, "program headers of a wrong size");
  if (header.e_phnum >= kMaxProgramHeaders) return NotElf(path_, "too many program headers");
  if (!InFile(header.e_phoff, uint64_t{header.e_phnum} * sizeof(Elf64_Phdr), image_.size())) {
    return NotElf(path_, "truncated: the program headers lie beyond the end of the file");
  }
  for (uint64_t i = 0; i < header.e_phnum; ++i) {
    const auto segment = LoadAt<Elf64_Phdr>(image_, header.e_phoff + i * sizeof(Elf64_Phdr));
    if (segment.p_type != PT_LOAD && segment.p_type != PT_NOTE) continue;
    if (!InFile(segment.p_offset, segment.p_filesz, image_.size())) {
      return NotElf(path_, fmt::format("truncated: segment {} ends beyond the end of the file", i));
    }
    if (segment.p_type == PT_NOTE) {
      if (build_id_.empty()) {
        build_id_ = BuildIdFromNotes(image_.subspan(segment.p_offset, segment.p_filesz), segment.p_align);
      }
      continue;
    }
    if (segment.p_vaddr + segment.p_filesz < segment.p_vaddr) {
      return NotElf(path_, fmt::format("segment {} wraps around the address space", i));
    }
    segments_.push_back(
        {LinkAddress{segment.p_vaddr}, FileOffset{segment.p_offset}, segment.p_filesz, (segment.p_flags & PF_X) != 0});
  }
  return absl::OkStatus();
}

absl::StatusOr<FileOffset> ElfFile::ToFileOffset(LinkAddress address) const {
  for (const Segment& segment : segments_) {
    if (address >= segment.address && address.value - segment.address.value < segment.file_size) {
      return FileOffset{segment.offset.value + (address.value - segment.address.value)};
    }
  }
  return absl::OutOfRangeError(fmt::format("{}: address {:#x} is in no segment of the file", path_, address.value));
}

absl::StatusOr<std::span<const uint8_t>> ElfFile::CodeAt(LinkAddress address, size_t max_bytes) const {
  for (const Segment& segment : segments_) {
    if (!segment.executable || address < segment.address) continue;
    const uint64_t skip = address.value - segment.address.value;
    if (skip >= segment.file_size) continue;
    return image_.subspan(segment.offset.value + skip, std::min<uint64_t>(max_bytes, segment.file_size - skip));
  }
  return absl::OutOfRangeError(fmt::format("{}: address {:#x} is in no executable segment", path_, address.value));
}

bool ElfFile::has_section(const char* name) const {
  size_t names = 0;
  if (elf_getshdrstrndx(elf_, &names) != 0) return false;
  Elf_Scn* section = nullptr;
  while ((section = elf_nextscn(elf_, section)) != nullptr) {
    const Elf64_Shdr* header = elf64_getshdr(section);
    if (header == nullptr || header->sh_type == SHT_NOBITS) continue;
    const char* candidate = elf_strptr(elf_, names, header->sh_name);
    if (candidate != nullptr && std::strcmp(candidate, name) == 0) return true;
  }
  return false;
}

bool ElfFile::IsCode(LinkAddress address) const {
  const bool in_segment = std::any_of(segments_.begin(), segments_.end(), [&](const Segment& s) {
    return s.executable && address >= s.address && address.value - s.address.value < s.file_size;
  });
  if (!in_segment || code_sections_.empty()) return in_segment;
  return std::any_of(code_sections_.begin(), code_sections_.end(),
                     [&](const auto& range) { return range.first <= address && address < range.second; });
}

}  // namespace dlog::elf
