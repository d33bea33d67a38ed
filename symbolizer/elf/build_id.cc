// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/elf/build_id.h"

#include <elf.h>

#include <cstring>

namespace dlog::elf {
namespace {

// A note is at least 12 bytes, so this is beyond any real file.
constexpr int kMaxNotes = 4096;

uint64_t AlignUp(uint64_t value, uint64_t alignment) { return (value + alignment - 1) & ~(alignment - 1); }

}  // namespace

std::string BuildIdFromNotes(std::span<const uint8_t> notes, uint64_t alignment) {
  if (alignment != 8) alignment = 4;
  uint64_t at = 0;
  for (int i = 0; i < kMaxNotes && at <= notes.size() && notes.size() - at >= sizeof(Elf64_Nhdr); ++i) {
    Elf64_Nhdr header;
    std::memcpy(&header, notes.data() + at, sizeof header);
    const uint64_t name = at + sizeof header;
    // 32-bit sizes: the sums cannot wrap in 64 bits.
    const uint64_t descriptor = AlignUp(name + header.n_namesz, alignment);
    const uint64_t end = descriptor + header.n_descsz;
    if (end > notes.size()) return {};
    if (header.n_type == NT_GNU_BUILD_ID && header.n_namesz == 4 && std::memcmp(notes.data() + name, "GNU", 4) == 0 &&
        header.n_descsz >= kMinBuildIdSize && header.n_descsz <= kMaxBuildIdSize) {
      return std::string(reinterpret_cast<const char*>(notes.data() + descriptor), header.n_descsz);
    }
    at = AlignUp(end, alignment);
  }
  return {};
}

std::string BuildIdHex(std::string_view build_id) {
  if (build_id.empty()) return "none";
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(build_id.size() * 2);
  for (const char c : build_id) {
    out.push_back(kDigits[static_cast<uint8_t>(c) >> 4]);
    out.push_back(kDigits[static_cast<uint8_t>(c) & 15]);
  }
  return out;
}

}  // namespace dlog::elf
