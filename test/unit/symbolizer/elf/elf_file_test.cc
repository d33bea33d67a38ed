// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/elf/elf_file.h"

#include <elf.h>

#include <cstring>
#include <random>

#include "temp_file.h"
#include "test/catch.h"

namespace dlog::elf {
namespace {

template <typename T>
std::string Patched(std::string bytes, size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
  return bytes;
}

absl::Status OpenBytes(const std::string& bytes) {
  const TempFile file(bytes);
  absl::Status status = ElfFile::Open(file.path()).status();
  if (!status.ok()) {
    // Whatever is wrong, the user is told with which file.
    CHECK(std::string(status.message()).find(file.path()) != std::string::npos);
  }
  return status;
}

// Everything that walks headers, on a file that may be damaged.
void Exercise(const std::string& bytes) {
  const TempFile file(bytes);
  auto elf = ElfFile::Open(file.path());
  if (!elf.ok()) return;
  (void)(*elf)->has_section(".debug_info");
  for (const Segment& segment : (*elf)->segments()) {
    (void)(*elf)->ToFileOffset(segment.address);
    auto code = (*elf)->CodeAt(segment.address, 16);
    if (code.ok()) {
      unsigned sum = 0;
      for (const uint8_t byte : *code) sum += byte;
      CHECK(sum <= 16 * 255);
    }
    (void)(*elf)->IsCode(segment.address);
  }
}

TEST_CASE("A program opens with its build-id, segments and code") {
  auto elf = ElfFile::Open(ProgramPath("plain.gcc.O2.dwarf5"));
  REQUIRE(elf.ok());
  CHECK((*elf)->build_id().size() == 20);
  CHECK((*elf)->has_section(".debug_info"));
  CHECK_FALSE((*elf)->has_section(".debug_inf"));
  const auto code =
      std::find_if((*elf)->segments().begin(), (*elf)->segments().end(), [](const Segment& s) { return s.executable; });
  REQUIRE(code != (*elf)->segments().end());
  CHECK((*elf)->ToFileOffset(code->address)->value == code->offset.value);
  CHECK((*elf)->CodeAt(code->address, 4)->size() == 4);
  // Fewer bytes at the end of the segment, none beyond it.
  const LinkAddress last{code->address.value + code->file_size - 1};
  CHECK((*elf)->CodeAt(last, 16)->size() == 1);
  CHECK((*elf)->CodeAt({last.value + 1}, 16).status().code() == absl::StatusCode::kOutOfRange);
  CHECK((*elf)->ToFileOffset({~uint64_t{0}}).status().code() == absl::StatusCode::kOutOfRange);
  CHECK_FALSE((*elf)->IsCode({0}));
}

TEST_CASE("Data is not served as code") {
  auto elf = ElfFile::Open(ProgramPath("plain.gcc.O2.dwarf5"));
  REQUIRE(elf.ok());
  for (const Segment& segment : (*elf)->segments()) {
    if (!segment.executable) CHECK_FALSE((*elf)->CodeAt(segment.address, 1).ok());
  }
}

TEST_CASE("What is not a complete x86-64 program is refused with the file's name") {
  const std::string good = ReadFile(ProgramPath("plain.gcc.O2.dwarf5"));
  REQUIRE(OpenBytes(good).ok());
  const auto bad = absl::StatusCode::kInvalidArgument;
  CHECK(OpenBytes("").code() == bad);
  CHECK(OpenBytes("#!/bin/sh\necho this is a script and long enough to hold an ELF header, is it not?\n").code() ==
        bad);
  CHECK(OpenBytes(Patched<uint8_t>(good, EI_CLASS, ELFCLASS32)).code() == bad);
  CHECK(OpenBytes(Patched<uint8_t>(good, EI_DATA, ELFDATA2MSB)).code() == bad);
  CHECK(OpenBytes(Patched<uint16_t>(good, offsetof(Elf64_Ehdr, e_machine), EM_AARCH64)).code() == bad);
  CHECK(OpenBytes(Patched<uint16_t>(good, offsetof(Elf64_Ehdr, e_type), ET_REL)).code() == bad);
  CHECK(OpenBytes(Patched<uint16_t>(good, offsetof(Elf64_Ehdr, e_type), ET_CORE)).code() == bad);
  CHECK(OpenBytes(Patched<uint64_t>(good, offsetof(Elf64_Ehdr, e_shoff), ~uint64_t{0})).code() == bad);
  CHECK(OpenBytes(Patched<uint64_t>(good, offsetof(Elf64_Ehdr, e_phoff), good.size())).code() == bad);
  CHECK(ElfFile::Open("/").status().code() == bad);
  CHECK(ElfFile::Open("/nonexistent/file").status().code() == absl::StatusCode::kNotFound);
}

TEST_CASE("A file cut anywhere is called truncated or works, and is never read beyond its end") {
  const std::string good = ReadFile(ProgramPath("plain.gcc.O2.dwarf5"));
  for (size_t size = 0; size < good.size(); size += size < 1024 ? 13 : 331) {
    INFO("cut to " << size);
    // The section headers come last, so every cut loses them.
    CHECK_FALSE(OpenBytes(good.substr(0, size)).ok());
  }
}

TEST_CASE("A segment beyond the file is an error even without section headers") {
  std::string stripped =
      Patched<uint64_t>(ReadFile(ProgramPath("plain.gcc.O2.dwarf5")), offsetof(Elf64_Ehdr, e_shoff), 0);
  stripped = Patched<uint16_t>(stripped, offsetof(Elf64_Ehdr, e_shnum), 0);
  CHECK(OpenBytes(stripped).ok());
  const absl::Status status = OpenBytes(stripped.substr(0, 0x1010));
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  CHECK(std::string(status.message()).find("truncated") != std::string::npos);
}

TEST_CASE("Flipped bytes in the headers never crash") {
  const std::string good = ReadFile(ProgramPath("plain.gcc.O2.dwarf5"));
  const auto header = *reinterpret_cast<const Elf64_Ehdr*>(good.data());
  std::mt19937 random(7);
  auto flip = [&](size_t begin, size_t size) {
    std::string bad = good;
    for (int i = 0; i < 3; ++i) bad[begin + random() % size] = static_cast<char>(random());
    Exercise(bad);
  };
  for (int i = 0; i < 300; ++i) {
    flip(0, sizeof header);
    flip(header.e_phoff, header.e_phnum * sizeof(Elf64_Phdr));
    flip(header.e_shoff, header.e_shnum * sizeof(Elf64_Shdr));
  }
}

}  // namespace
}  // namespace dlog::elf
