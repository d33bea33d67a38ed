// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/cfi.h"

#include <dwarf.h>
#include "symbolizer/dwarf/cfi_check.h"
#include "symbolizer/dwarf/frame.h"
#include "symbolizer/dwarf/location.h"
#include "symbolizer/dwarf/nodes.h"
#include "symbolizer/dwarf/unit_index.h"

namespace dlog::dwarf {
namespace {

bool SectionIsSane(Elf* elf, std::string_view name, bool is_eh) {
  size_t names = 0;
  if (elf_getshdrstrndx(elf, &names) != 0) return true;
  Elf_Scn* section = nullptr;
  while ((section = elf_nextscn(elf, section)) != nullptr) {
    const Elf64_Shdr* header = elf64_getshdr(section);
    const char* found = header == nullptr ? nullptr : elf_strptr(elf, names, header->sh_name);
    if (found == nullptr || name != found) continue;
    Elf_Data* data = header->sh_type == SHT_NOBITS ? nullptr : elf_rawdata(section, nullptr);
    if (data == nullptr || data->d_buf == nullptr) continue;
    if (!NamesOnlyRealRegisters({static_cast<const uint8_t*>(data->d_buf), data->d_size}, is_eh)) return false;
  }
  return true;
}

bool IsSane(const Module& module, Dwarf_CFI* cfi) {
  const bool is_eh = cfi == module.eh_frame();
  std::optional<bool>& known = is_eh ? module.cache().eh_frame_is_sane : module.cache().debug_frame_is_sane;
  if (!known.has_value()) {
    known = is_eh ? SectionIsSane(module.binary().handle(), ".eh_frame", true)
                  : SectionIsSane(dwarf_getelf(module.dwarf()), ".debug_frame", false);
  }
  return *known;
}

}  // namespace

FrameRow FrameAt(const Module& module, LinkAddress address) {
  for (Dwarf_CFI* cfi : {module.debug_frame(), module.eh_frame()}) {
    Dwarf_Frame* frame = nullptr;
    if (cfi == nullptr || !IsSane(module, cfi)) continue;
    if (dwarf_cfi_addrframe(cfi, address.value, &frame) == 0) return FrameRow(frame, &std::free);
  }
  return FrameRow(nullptr, &std::free);
}

absl::StatusOr<v1::Node> CfaAt(const Module& module, LinkAddress address) {
  return Frame(module, Dwarf_Die{}, address).Cfa();
}

LinkAddress FrameRowEnd(const Module& module, LinkAddress address) {
  const FrameRow frame = FrameAt(module, address);
  Dwarf_Addr begin = 0;
  Dwarf_Addr end = 0;
  if (frame == nullptr || dwarf_frame_info(frame.get(), &begin, &end, nullptr) < 0 || end <= address.value) {
    return address;
  }
  return {end};
}

std::optional<code::FramePosition> CfaPosition(const Module& module, LinkAddress address) {
  const absl::StatusOr<v1::Node> cfa = CfaAt(module, address);
  if (!cfa.ok()) return std::nullopt;
  const v1::Node* node = &*cfa;
  code::FramePosition out;
  if (node->kind_case() == v1::Node::kBinary && node->binary().op() == v1::OP_ADD) {
    const auto offset = ConstantValue(node->binary().right());
    if (!offset.has_value()) return std::nullopt;
    out.offset = static_cast<int64_t>(*offset);
    node = &node->binary().left();
  }
  if (node->kind_case() != v1::Node::kReg) return std::nullopt;
  out.base = node->reg();
  return out;
}

std::optional<uint32_t> CfaRegister(const Module& module, LinkAddress address) {
  const auto position = CfaPosition(module, address);
  return position.has_value() ? std::optional(position->base) : std::nullopt;
}

}  // namespace dlog::dwarf
