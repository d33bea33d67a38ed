// SPDX-License-Identifier: Apache-2.0
#include "daemon/attach/stack_check.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::attach {
namespace {

constexpr uint8_t kMoveRegister = BPF_ALU64 | BPF_MOV | BPF_X;
constexpr uint8_t kAddConstant = BPF_ALU64 | BPF_ADD | BPF_K;  // NOLINT(misc-redundant-expression): ADD and K are 0

uint32_t Below(int32_t offset) { return offset < 0 ? static_cast<uint32_t>(-static_cast<int64_t>(offset)) : 0; }

}  // namespace

uint32_t DeepestStackUse(std::span<const bpf_insn> program) {
  uint32_t deepest = 0;
  // Registers that hold a copy of the frame pointer; compilers form an address of the stack as copy, then add.
  std::array<bool, 16> is_frame = {};
  for (const bpf_insn& insn : program) {
    const uint8_t kind = BPF_CLASS(insn.code);
    const bool stores = kind == BPF_ST || kind == BPF_STX;
    if ((stores && insn.dst_reg == BPF_REG_10) || (kind == BPF_LDX && insn.src_reg == BPF_REG_10)) {
      deepest = std::max(deepest, Below(insn.off));
    }
    if (insn.code == kAddConstant && is_frame[insn.dst_reg]) deepest = std::max(deepest, Below(insn.imm));
    if (!stores) is_frame[insn.dst_reg] = insn.code == kMoveRegister && insn.src_reg == BPF_REG_10;
  }
  return deepest;
}

absl::Status CheckStackUse(std::span<const bpf_insn> program) {
  const uint32_t used = DeepestStackUse(program);
  if (used <= kMaxStackBytes) return absl::OkStatus();
  return WithHint(absl::FailedPreconditionError(absl::StrCat("the BPF programs were compiled to use ", used,
                                                             " bytes of stack, more than ", kMaxStackBytes,
                                                             ": hits on one processor could overwrite each other")),
                  "build dlog with one of the tested compilers (clang 14, 16 or 19)");
}

}  // namespace dlog::attach
