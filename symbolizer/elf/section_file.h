// SPDX-License-Identifier: Apache-2.0
//
// An ELF file of named sections and nothing else: what libdw is given instead of a file that it cannot read as it is.
#pragma once

#include <elf.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace dlog::elf {

// Where everything goes: header, contents (each from a page of its own), names, section headers.
class SectionFile {
 public:
  struct Section {
    std::string name;
    uint64_t size = 0;
  };

  explicit SectionFile(const std::vector<Section>& sections);

  // Where the content of section `i` begins; to be written by the caller.
  uint64_t offset(size_t i) const { return headers_[i + 1].sh_offset; }
  // Of the whole file.
  uint64_t size() const { return header_.e_shoff + headers_.size() * sizeof(Elf64_Shdr); }
  // Everything but the contents. ResourceExhausted when the disk is full.
  absl::Status WriteFrame(int fd) const;

 private:
  std::string names_ = std::string(1, '\0');
  std::vector<Elf64_Shdr> headers_ = std::vector<Elf64_Shdr>(1);
  Elf64_Ehdr header_ = {};
};

// pwrite(2) of all of it. ResourceExhausted when the disk is full.
absl::Status WriteFileAt(int fd, const void* data, size_t size, uint64_t offset);

}  // namespace dlog::elf
