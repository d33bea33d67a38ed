// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/cfi.h"

#include <dwarf.h>
#include <fmt/format.h>

#include <cstdlib>
#include <memory>

#include "absl/status/status.h"
#include "symbolizer/dwarf/expression.h"
#include "symbolizer/dwarf/location.h"
#include "symbolizer/dwarf/nodes.h"

namespace dlog::dwarf {
namespace {

using Frame = std::unique_ptr<Dwarf_Frame, decltype(&std::free)>;

// .debug_frame first: .eh_frame may lack functions that never unwind.
Frame FrameAt(const Module& module, LinkAddress address) {
  for (Dwarf_CFI* cfi : {module.debug_frame(), module.eh_frame()}) {
    Dwarf_Frame* frame = nullptr;
    if (cfi != nullptr && dwarf_cfi_addrframe(cfi, address.value, &frame) == 0) return Frame(frame, &std::free);
  }
  return Frame(nullptr, &std::free);
}

}  // namespace

absl::StatusOr<v1::Node> CfaAt(const Module& module, LinkAddress address) {
  const Frame frame = FrameAt(module, address);
  if (frame == nullptr) {
    return absl::FailedPreconditionError(
        fmt::format("no call frame information at {:#x}: the frame cannot be located", address.value));
  }
  Dwarf_Op* ops = nullptr;
  size_t count = 0;
  if (dwarf_frame_cfa(frame.get(), &ops, &count) != 0 || count == 0) {
    return absl::FailedPreconditionError(fmt::format("the frame at {:#x} has no CFA rule", address.value));
  }
  ExpressionContext context;
  context.probe = address;
  // Evaluated while `frame` is alive: the operations may be stored inside it.
  return EvaluateAddress({ops, count}, context);
}

LinkAddress FrameRowEnd(const Module& module, LinkAddress address) {
  const Frame frame = FrameAt(module, address);
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
