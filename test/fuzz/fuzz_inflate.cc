// SPDX-License-Identifier: Apache-2.0
//
// A compressed section: a byte for the kind, three for the size it claims, then the stream.
#include <cstdint>
#include <cstdlib>

#include "symbolizer/elf/section_inflater.h"
#include "test/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using dlog::elf::Compression;
  constexpr size_t kHeader = 4;
  if (size < kHeader) return 0;
  const dlog::fuzz::MemoryFile file(data, size);
  dlog::elf::SectionContent section;
  section.name = ".debug_info";
  section.compression = data[0] % 3 == 0   ? Compression::kNone
                        : data[0] % 3 == 1 ? Compression::kZlib
                                           : Compression::kZstd;
  section.inflated_size = data[1] | data[2] << 8 | (data[3] & 0x1f) << 16;
  section.offset = kHeader;
  section.stored_size = size - kHeader;
  uint64_t got = 0;
  const absl::Status status = dlog::elf::InflateSection(file.fd(), section, [&](std::span<const uint8_t> piece) {
    if (piece.size() > dlog::elf::kInflateChunk) abort();
    got += piece.size();
    if (got > section.inflated_size) abort();
    return absl::OkStatus();
  });
  if (status.ok() ? got != section.inflated_size : status.message().empty()) abort();
  return 0;
}
