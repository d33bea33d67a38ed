// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/elf/section_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace dlog::elf {

SectionFile::SectionFile(const std::vector<Section>& sections) {
  constexpr uint64_t kAlign = 4096;
  uint64_t at = kAlign;
  const auto add = [this](const std::string& name, uint32_t type, uint64_t offset) {
    Elf64_Shdr header = {};
    header.sh_name = static_cast<Elf64_Word>(names_.size());
    names_ += name;
    names_ += '\0';
    header.sh_type = type;
    header.sh_offset = offset;
    header.sh_addralign = 1;
    headers_.push_back(header);
  };
  for (const Section& section : sections) {
    add(section.name, SHT_PROGBITS, at);
    headers_.back().sh_size = section.size;
    at = (at + section.size + kAlign - 1) / kAlign * kAlign;
  }
  add(".shstrtab", SHT_STRTAB, at);
  headers_.back().sh_size = names_.size();

  std::memcpy(header_.e_ident, ELFMAG, SELFMAG);
  header_.e_ident[EI_CLASS] = ELFCLASS64;
  header_.e_ident[EI_DATA] = ELFDATA2LSB;
  header_.e_ident[EI_VERSION] = EV_CURRENT;
  header_.e_type = ET_DYN;
  header_.e_machine = EM_X86_64;
  header_.e_version = EV_CURRENT;
  header_.e_shoff = (at + names_.size() + 7) / 8 * 8;
  header_.e_ehsize = sizeof(Elf64_Ehdr);
  header_.e_shentsize = sizeof(Elf64_Shdr);
  header_.e_shnum = static_cast<Elf64_Half>(headers_.size());
  header_.e_shstrndx = static_cast<Elf64_Half>(headers_.size() - 1);
}

absl::Status SectionFile::WriteFrame(int fd) const {
  absl::Status status = WriteFileAt(fd, names_.data(), names_.size(), headers_.back().sh_offset);
  status.Update(WriteFileAt(fd, headers_.data(), headers_.size() * sizeof(Elf64_Shdr), header_.e_shoff));
  status.Update(WriteFileAt(fd, &header_, sizeof(header_), 0));
  return status;
}

absl::Status WriteFileAt(int fd, const void* data, size_t size, uint64_t offset) {
  const auto* bytes = static_cast<const uint8_t*>(data);
  while (size > 0) {
    const ssize_t n = ::pwrite(fd, bytes, size, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      return absl::ResourceExhaustedError(fmt::format("cannot write the inflated debug information: {}",
                                                      n < 0 ? std::strerror(errno) : "no space left"));
    }
    bytes += n;
    offset += static_cast<uint64_t>(n);
    size -= static_cast<size_t>(n);
  }
  return absl::OkStatus();
}

}  // namespace dlog::elf
