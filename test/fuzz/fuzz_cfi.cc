// SPDX-License-Identifier: Apache-2.0
//
// Call frame information: .eh_frame and .debug_frame of a small program. Asked at every address: the CFA, the caller's
// registers through it, the frame base of a function that depends on it.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "symbolizer/dwarf/callers.h"
#include "symbolizer/dwarf/cfi.h"
#include "symbolizer/dwarf/frame.h"
#include "symbolizer/dwarf/location.h"
#include "symbolizer/dwarf/prologue.h"
#include "test/fuzz/elf_builder.h"
#include "test/fuzz/memory_file.h"

namespace {

constexpr size_t kTextBytes = 48;

// One unit with one function, from 0x400078 on, whose frame base is the CFA.
const char kAbbrev[] =
    "\x01\x11\x01\x11\x01\x12\x07\x00\x00"                  // unit: low_pc, high_pc
    "\x02\x2e\x00\x03\x08\x11\x01\x12\x07\x40\x18\x00\x00"  // function: name, low_pc, high_pc, frame_base
    "\x00";
const char kInfo[] =
    "\x31\x00\x00\x00\x04\x00\x00\x00\x00\x00\x08"
    "\x01\x78\x00\x40\x00\x00\x00\x00\x00\x30\x00\x00\x00\x00\x00\x00\x00"
    "\x02\x66\x00\x78\x00\x40\x00\x00\x00\x00\x00\x30\x00\x00\x00\x00\x00\x00\x00\x01\x9c"
    "\x00\x00\x00";

void Check(const absl::StatusOr<dlog::v1::Node>& node) {
  if (!node.ok() && node.status().message().empty()) abort();
  if (node.ok() && dlog::dwarf::DescribeLocation(*node).empty()) abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  dlog::fuzz::ElfBuilder elf;
  elf.Add(".text", std::string(kTextBytes, '\x90'), SHF_ALLOC | SHF_EXECINSTR);
  elf.Add(".eh_frame", dlog::fuzz::NextPart(&data, &size), SHF_ALLOC);
  elf.Add(".debug_frame", dlog::fuzz::NextPart(&data, &size));
  elf.Add(".debug_abbrev", std::string_view(kAbbrev, sizeof(kAbbrev)));
  elf.Add(".debug_info", std::string_view(kInfo, sizeof(kInfo) - 1));
  const std::vector<uint8_t> image = elf.Finish();
  const dlog::fuzz::MemoryFile file(image.data(), image.size());
  auto module = dlog::dwarf::Module::Open(file.path(), {});
  if (!module.ok()) abort();  // the program around the fuzzed sections is sound
  const dlog::LinkAddress begin{dlog::fuzz::ElfBuilder::kTextAddress};
  const auto function = dlog::dwarf::SubprogramAt(**module, begin);
  if (!function.has_value()) abort();
  for (size_t at = 0; at < kTextBytes; at += 3) {
    const dlog::LinkAddress address{begin.value + at};
    Check(dlog::dwarf::CfaAt(**module, address));
    if (dlog::dwarf::FrameRowEnd(**module, address) < address) abort();
    (void)dlog::dwarf::CheckStackPointer(**module, *function, address);
    const dlog::dwarf::Frame frame(**module, *function, address);
    Check(frame.FrameBase());
    const dlog::dwarf::CallSite site{{begin.value + 5}, *function, *function};
    const dlog::dwarf::Frame caller(frame, site);
    for (uint64_t reg = 0; reg <= 16; ++reg) Check(caller.Register(reg));
    Check(caller.FrameBase());
  }
  return 0;
}
