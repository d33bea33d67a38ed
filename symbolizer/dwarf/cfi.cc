// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/cfi.h"

#include <dwarf.h>
#include "symbolizer/dwarf/frame.h"
#include "symbolizer/dwarf/location.h"
#include "symbolizer/dwarf/nodes.h"

namespace dlog::dwarf {
FrameRow FrameAt(const Module& module, LinkAddress address) {
  for (Dwarf_CFI* cfi : {module.debug_frame(), module.eh_frame()}) {
    Dwarf_Frame* frame = nullptr;
    if (cfi != nullptr && dwarf_cfi_addrframe(cfi, address.value, &frame) == 0) return FrameRow(frame, &std::free);
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

std::optional<uint32_t> CfaRegister(const Module& module, LinkAddress address) {
  const absl::StatusOr<v1::Node> cfa = CfaAt(module, address);
  if (!cfa.ok()) return std::nullopt;
  const v1::Node* node = &*cfa;
  if (node->kind_case() == v1::Node::kBinary && node->binary().op() == v1::OP_ADD &&
      ConstantValue(node->binary().right()).has_value()) {
    node = &node->binary().left();
  }
  if (node->kind_case() != v1::Node::kReg) return std::nullopt;
  return node->reg();
}

}  // namespace dlog::dwarf
