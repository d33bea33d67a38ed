// SPDX-License-Identifier: Apache-2.0
#include "daemon/targets/build_id.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "test/catch.h"

namespace dlog::daemon {
namespace {

// A minimal ELF image with one PT_NOTE segment.
struct Image {
  Elf64_Ehdr header = {};
  Elf64_Phdr segment = {};
  std::string notes;

  Image() {
    memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_type = ET_DYN;
    header.e_machine = EM_X86_64;
    header.e_phoff = sizeof(header);
    header.e_phentsize = sizeof(segment);
    header.e_phnum = 1;
    segment.p_type = PT_NOTE;
    segment.p_offset = sizeof(header) + sizeof(segment);
    segment.p_align = 4;
  }
  void AddNote(uint32_t type, const std::string& name, const std::string& description) {
    const Elf64_Nhdr note{static_cast<Elf64_Word>(name.size()), static_cast<Elf64_Word>(description.size()), type};
    notes.append(reinterpret_cast<const char*>(&note), sizeof(note));
    for (const std::string& part : {name, description}) {
      notes += part;
      while (notes.size() % 4 != 0) notes.push_back('\0');
    }
    segment.p_filesz = notes.size();
  }
  std::string Bytes() const {
    std::string out(reinterpret_cast<const char*>(&header), sizeof(header));
    out.append(reinterpret_cast<const char*>(&segment), sizeof(segment));
    return out + notes;
  }
};

const std::string kGnu("GNU\0", 4);

absl::StatusOr<std::string> Read(const std::string& bytes) {
  char path[] = "/tmp/dlog-elf-XXXXXX";
  const int fd = mkstemp(path);
  REQUIRE(write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  close(fd);
  auto id = ReadBuildId(path);
  unlink(path);
  return id;
}

TEST_CASE("the build-id is found behind other notes") {
  Image image;
  image.AddNote(NT_GNU_ABI_TAG, kGnu, std::string(16, 'x'));
  image.AddNote(NT_GNU_BUILD_ID, std::string("Go\0\0", 4), std::string(20, 'g'));
  image.AddNote(NT_GNU_BUILD_ID, kGnu, "0123456789abcdefghij");
  auto id = Read(image.Bytes());
  REQUIRE(id.ok());
  CHECK(*id == "0123456789abcdefghij");
  CHECK(BuildIdHex(std::string("\x01\xfe\x80", 3)) == "01fe80");
}

TEST_CASE("this test program is an ELF file") { CHECK(ReadBuildId("/proc/self/exe").ok()); }

TEST_CASE("a file without a build-id has an empty one") {
  Image image;
  image.AddNote(NT_GNU_ABI_TAG, kGnu, std::string(16, 'x'));
  auto id = Read(image.Bytes());
  REQUIRE(id.ok());
  CHECK(id->empty());
}

TEST_CASE("what is not an x86-64 program is refused") {
  CHECK(absl::IsInvalidArgument(Read("").status()));
  CHECK(absl::IsInvalidArgument(Read("#!/bin/sh\n" + std::string(100, 'x')).status()));
  Image other;
  other.header.e_machine = EM_AARCH64;
  CHECK(absl::IsInvalidArgument(Read(other.Bytes()).status()));
  Image small;
  small.header.e_ident[EI_CLASS] = ELFCLASS32;
  CHECK(absl::IsInvalidArgument(Read(small.Bytes()).status()));
  CHECK(absl::IsInvalidArgument(ReadBuildId("/dev/null").status()));
  CHECK(absl::IsNotFound(ReadBuildId("/nonexistent").status()));
}

TEST_CASE("headers that lie are errors and not crashes") {
  Image outside;
  outside.AddNote(NT_GNU_BUILD_ID, kGnu, std::string(20, 'i'));
  outside.segment.p_offset = UINT64_MAX - 4;
  CHECK(absl::IsDataLoss(Read(outside.Bytes()).status()));

  Image far_headers;
  far_headers.header.e_phoff = UINT64_MAX;
  CHECK(absl::IsDataLoss(Read(far_headers.Bytes()).status()));

  Image many;
  many.header.e_phnum = 0xffff;
  CHECK(absl::IsDataLoss(Read(many.Bytes()).status()));

  // Sizes of a note that run past the segment: no build-id, no read outside.
  for (const auto& [name, description] : {std::pair<uint32_t, uint32_t>{0xffffffff, 20}, {4, 0xffffffff}, {4, 4000}}) {
    Image note;
    note.AddNote(NT_GNU_BUILD_ID, kGnu, std::string(20, 'i'));
    const Elf64_Nhdr header{name, description, NT_GNU_BUILD_ID};
    memcpy(note.notes.data(), &header, sizeof(header));
    auto id = Read(note.Bytes());
    REQUIRE(id.ok());
    CHECK(id->empty());
  }
}

}  // namespace
}  // namespace dlog::daemon
