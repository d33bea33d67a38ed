// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/site_finder.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <gelf.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "symbolizer/dwarf/cfi.h"
#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/landing_pads.h"
#include "symbolizer/elf/elf_file.h"

namespace dlog::symbolizer {
namespace {

constexpr uint64_t kMaxFunctionBytes = 4 << 20;

// The addends of all relocations: where tables of addresses are filled in when the program starts. Without section
// headers they are not found; false then.
bool AddRelocations(Elf* elf, std::vector<uint64_t>* entries) {
  Elf_Scn* scn = elf_nextscn(elf, nullptr);
  if (scn == nullptr) return false;
  for (; scn != nullptr; scn = elf_nextscn(elf, scn)) {
    GElf_Shdr header;
    if (gelf_getshdr(scn, &header) == nullptr) return false;
    if (header.sh_type != SHT_RELA || (header.sh_flags & SHF_ALLOC) == 0) continue;
    const Elf_Data* data = elf_rawdata(scn, nullptr);
    if (data == nullptr || data->d_buf == nullptr) return false;
    for (size_t at = 0; at + sizeof(Elf64_Rela) <= data->d_size; at += sizeof(Elf64_Rela)) {
      Elf64_Rela relocation;
      std::memcpy(&relocation, static_cast<const uint8_t*>(data->d_buf) + at, sizeof(relocation));
      entries->push_back(static_cast<uint64_t>(relocation.r_addend));
    }
  }
  return true;
}

bool IsAssembly(Dwarf_Die unit) {
  Dwarf_Attribute attribute;
  Dwarf_Word language = 0;
  return dwarf_attr_integrate(&unit, DW_AT_language, &attribute) == nullptr ||
         dwarf_formudata(&attribute, &language) != 0 || language == DW_LANG_Mips_Assembler;
}

}  // namespace

void SiteFinder::LoadImage() {
  if (std::exchange(loaded_, true)) return;
  const elf::ElfFile& file = module_.binary();
  for (const elf::Segment& segment : file.segments()) {
    if (segment.offset.value > file.image().size()) return;
    const uint64_t size = std::min<uint64_t>(segment.file_size, file.image().size() - segment.offset.value);
    const code::MappedBytes bytes{segment.address, file.image().subspan(segment.offset.value, size)};
    if (segment.executable) image_.text.push_back(bytes);
    image_.data.push_back(bytes);
  }
  if (!AddRelocations(file.handle(), &image_.entries)) return;
  std::sort(image_.entries.begin(), image_.entries.end());
  usable_ = true;
}

std::unique_ptr<code::FunctionFlow> SiteFinder::FlowOf(const dwarf::FunctionScope& scope) {
  LoadImage();
  if (!usable_ || IsAssembly(scope.unit)) return nullptr;
  std::vector<dwarf::AddressRange> ranges = dwarf::RangesOf(module_, scope.subprogram);
  std::sort(ranges.begin(), ranges.end(), [](const auto& a, const auto& b) { return a.begin < b.begin; });
  std::vector<code::MappedBytes> function;
  for (const dwarf::AddressRange& range : ranges) {
    const uint64_t size = range.end.value - range.begin.value;
    if (!(range.begin < range.end) || size > kMaxFunctionBytes) return nullptr;
    if (!function.empty() && function.back().end() > range.begin.value) return nullptr;
    auto bytes = module_.binary().CodeAt(range.begin, size);
    if (!bytes.ok() || bytes->size() != size) return nullptr;
    function.push_back({range.begin, *bytes});
  }
  auto pads = dwarf::LandingPads(module_, ranges);
  if (!pads.ok()) return nullptr;
  code::Image image = image_;
  image.entries.insert(image.entries.end(), pads->begin(), pads->end());
  std::sort(image.entries.begin(), image.entries.end());
  return std::make_unique<code::FunctionFlow>(image, std::move(function));
}

const SiteFinder::Function& SiteFinder::FunctionOf(const dwarf::FunctionScope& scope) {
  Dwarf_Die subprogram = scope.subprogram;
  const auto [found, is_new] = functions_.try_emplace(dwarf_dieoffset(&subprogram));
  if (is_new) found->second.flow = FlowOf(scope);
  return found->second;
}

FunctionStart SiteFinder::StartOf(const dwarf::FunctionScope& scope, LinkAddress entry) {
  const Function& function = FunctionOf(scope);
  if (function.flow == nullptr || !function.flow->followed() || !function.flow->IsInstruction(entry)) {
    return FunctionStart::kUnknown;
  }
  return function.flow->MayJumpBackTo(entry) ? FunctionStart::kLoop : FunctionStart::kCalls;
}

code::MoveSearch SiteFinder::MovesFor(const dwarf::FunctionScope& scope, LinkAddress statement,
                                      const code::CaptureInputs& inputs) {
  const Function& function = FunctionOf(scope);
  if (function.flow == nullptr) {
    code::MoveSearch unknown;
    unknown.no_way_on = unknown.no_way_back = "the flow of control of its function is not known";
    return unknown;
  }
  return code::FindMoves(*function.flow, statement, inputs,
                         [this](LinkAddress address) { return dwarf::CfaPosition(module_, address); });
}

}  // namespace dlog::symbolizer
