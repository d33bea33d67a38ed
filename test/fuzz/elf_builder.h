// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <elf.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace dlog::fuzz {

// A program of one segment with the given sections, so that a fuzzer can spend its bytes on what they say. The code is
// `.text`, which lies at kTextAddress.
class ElfBuilder {
 public:
  static constexpr uint64_t kBase = 0x400000;
  static constexpr uint64_t kTextAddress = kBase + sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);

  // Sections that are loaded come first.
  void Add(const char* name, std::string_view content, uint64_t flags = 0) {
    Elf64_Shdr header = {};
    header.sh_name = static_cast<uint32_t>(names_.size());
    names_.append(name).push_back('\0');
    header.sh_type = SHT_PROGBITS;
    header.sh_flags = flags;
    header.sh_offset = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr) + content_.size();
    if ((flags & SHF_ALLOC) != 0) header.sh_addr = kBase + header.sh_offset;
    header.sh_size = content.size();
    header.sh_addralign = 1;
    content_.append(content);
    sections_.push_back(header);
  }

  std::vector<uint8_t> Finish() {
    const uint64_t loaded = content_.size();
    Add(".shstrtab", names_ + std::string(".shstrtab\0", 10));
    sections_.back().sh_type = SHT_STRTAB;
    Elf64_Ehdr header = {};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_EXEC;
    header.e_machine = EM_X86_64;
    header.e_version = EV_CURRENT;
    header.e_entry = kTextAddress;
    header.e_phoff = sizeof(header);
    header.e_shoff = sizeof(header) + sizeof(Elf64_Phdr) + content_.size();
    header.e_ehsize = sizeof(header);
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = 1;
    header.e_shentsize = sizeof(Elf64_Shdr);
    header.e_shnum = static_cast<uint16_t>(sections_.size() + 1);
    header.e_shstrndx = static_cast<uint16_t>(sections_.size());
    Elf64_Phdr segment = {};
    segment.p_type = PT_LOAD;
    segment.p_flags = PF_R | PF_X;
    segment.p_vaddr = segment.p_paddr = kBase;
    segment.p_filesz = segment.p_memsz = sizeof(header) + sizeof(segment) + loaded;
    segment.p_align = 0x1000;
    std::vector<uint8_t> out;
    const auto append = [&](const void* data, size_t size) {
      out.insert(out.end(), static_cast<const uint8_t*>(data), static_cast<const uint8_t*>(data) + size);
    };
    append(&header, sizeof header);
    append(&segment, sizeof segment);
    append(content_.data(), content_.size());
    const Elf64_Shdr null = {};
    append(&null, sizeof null);
    append(sections_.data(), sections_.size() * sizeof(Elf64_Shdr));
    return out;
  }

 private:
  std::string content_;
  std::string names_ = std::string(1, '\0');
  std::vector<Elf64_Shdr> sections_;
};

// The next part of a fuzzer's input: two bytes of length, then as many bytes as there are of it.
inline std::string_view NextPart(const uint8_t** data, size_t* size) {
  if (*size < 2) return {};
  const size_t wanted = static_cast<size_t>((*data)[0]) | static_cast<size_t>((*data)[1]) << 8;
  const size_t length = wanted < *size - 2 ? wanted : *size - 2;
  const std::string_view part(reinterpret_cast<const char*>(*data + 2), length);
  *data += 2 + length;
  *size -= 2 + length;
  return part;
}

}  // namespace dlog::fuzz
