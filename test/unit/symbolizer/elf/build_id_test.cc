// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/elf/build_id.h"

#include <elf.h>

#include <cstring>

#include "symbolizer/elf/crc32.h"
#include "test/catch.h"

namespace dlog::elf {
namespace {

std::string Note(uint32_t type, const std::string& name, const std::string& descriptor, size_t alignment = 4) {
  const Elf64_Nhdr header{static_cast<uint32_t>(name.size()), static_cast<uint32_t>(descriptor.size()), type};
  std::string out(reinterpret_cast<const char*>(&header), sizeof header);
  out += name;
  out.resize((out.size() + alignment - 1) / alignment * alignment);
  out += descriptor;
  out.resize((out.size() + alignment - 1) / alignment * alignment);
  return out;
}

std::string Find(const std::string& notes, uint64_t alignment = 4) {
  return BuildIdFromNotes({reinterpret_cast<const uint8_t*>(notes.data()), notes.size()}, alignment);
}

const std::string kGnu("GNU\0", 4);

TEST_CASE("The build-id is found among other notes") {
  const std::string id = "12345678901234567890";
  CHECK(Find(Note(NT_GNU_BUILD_ID, kGnu, id)) == id);
  CHECK(Find(Note(1, kGnu, "abi-tag-with-16b") + Note(NT_GNU_BUILD_ID, std::string("XYZ\0", 4), "not-this-one") +
             Note(NT_GNU_BUILD_ID, kGnu, id)) == id);
  CHECK(Find(Note(5, kGnu, "property", 8) + Note(NT_GNU_BUILD_ID, kGnu, id, 8), 8) == id);
}

TEST_CASE("Malformed notes have no build-id") {
  const std::string id = "12345678901234567890";
  CHECK(Find("").empty());
  const std::string note = Note(NT_GNU_BUILD_ID, kGnu, id);
  for (size_t size = 0; size < note.size(); ++size) CHECK(Find(note.substr(0, size)).empty());
  CHECK(Find(Note(NT_GNU_BUILD_ID, kGnu, "short")).empty());
  CHECK(Find(Note(NT_GNU_BUILD_ID, kGnu, std::string(65, 'x'))).empty());
  std::string huge = note;
  const uint32_t size = 0xffffffff;
  std::memcpy(huge.data(), &size, 4);
  CHECK(Find(huge).empty());
  std::memcpy(huge.data() + 4, &size, 4);
  CHECK(Find(huge).empty());
}

TEST_CASE("Build-ids are spelled in hexadecimal") {
  CHECK(BuildIdHex(std::string("\x01\xab\xff", 3)) == "01abff");
  CHECK(BuildIdHex("") == "none");
}

TEST_CASE("The CRC is that of .gnu_debuglink") {
  const std::string check = "123456789";
  CHECK(Crc32({reinterpret_cast<const uint8_t*>(check.data()), check.size()}) == 0xcbf43926);
}

}  // namespace
}  // namespace dlog::elf
