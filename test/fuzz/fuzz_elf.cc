// SPDX-License-Identifier: Apache-2.0
//
// A whole file that claims to be ELF: headers, segments, sections, notes, debug link.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "symbolizer/elf/debug_file.h"
#include "symbolizer/elf/elf_file.h"
#include "symbolizer/elf/inflated_debug.h"
#include "test/fuzz/memory_file.h"

namespace {

void Require(bool condition) {
  if (!condition) abort();
}

// Code is inside the file, and both ways of asking agree.
void CheckCode(const dlog::elf::ElfFile& file, dlog::LinkAddress address) {
  constexpr size_t kWanted = 15;
  auto code = file.CodeAt(address, kWanted);
  if (!code.ok()) return;
  Require(code->size() <= kWanted && code->data() >= file.image().data() &&
          code->data() + code->size() <= file.image().data() + file.image().size());
  Require(file.ToFileOffset(address).ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const dlog::fuzz::MemoryFile bytes(data, size);
  auto file = dlog::elf::ElfFile::Open(bytes.path());
  if (!file.ok()) {
    Require(!file.status().message().empty());
    return 0;
  }
  for (const dlog::elf::Segment& segment : (*file)->segments()) {
    Require(segment.offset.value <= size && segment.file_size <= size - segment.offset.value);
    CheckCode(**file, segment.address);
    CheckCode(**file, dlog::LinkAddress{segment.address.value + segment.file_size - 1});
    CheckCode(**file, dlog::LinkAddress{segment.address.value + segment.file_size});
    (*file)->IsCode(segment.address);
  }
  dlog::elf::DebugSearch search;
  search.root = "/nonexistent";
  auto found = dlog::elf::FindDebugFile(**file, search);
  Require(found.ok() || !found.status().message().empty());
  dlog::elf::HasCompressedDebug(**file);
  return 0;
}
