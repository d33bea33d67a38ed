// SPDX-License-Identifier: Apache-2.0
#include <Zydis/Zydis.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "symbolizer/code/assignments_x86_64.h"
#include "symbolizer/code/effects.h"
#include "symbolizer/code/registers_x86_64.h"

namespace dlog::code {
namespace {

constexpr uint32_t kFramePointer = 6;
constexpr uint32_t kStackPointer = 7;
constexpr uint32_t kEveryGpr = 0xffff;
constexpr uint32_t kEveryVector = ~0u;

void NoteRegisterWrite(ZydisRegister reg, Effects* out) {
  if (const auto number = DwarfNumberOf(reg)) {
    out->gprs_written |= 1u << *number;
    return;
  }
  switch (ZydisRegisterGetClass(reg)) {
    case ZYDIS_REGCLASS_XMM:
    case ZYDIS_REGCLASS_YMM:
    case ZYDIS_REGCLASS_ZMM:
      out->vectors_written |= 1u << (static_cast<unsigned>(ZydisRegisterGetId(reg)) & 31);
      return;
    default:
      return;
  }
}

// Which instructions may not come to the next one; by category, so that new ones of a kind are included.
bool Leaves(const ZydisDecodedInstruction& instruction) {
  if (instruction.meta.branch_type != ZYDIS_BRANCH_TYPE_NONE) return true;
  switch (instruction.meta.category) {
    case ZYDIS_CATEGORY_CALL:
    case ZYDIS_CATEGORY_COND_BR:
    case ZYDIS_CATEGORY_UNCOND_BR:
    case ZYDIS_CATEGORY_RET:
    case ZYDIS_CATEGORY_SYSCALL:
    case ZYDIS_CATEGORY_SYSRET:
    case ZYDIS_CATEGORY_INTERRUPT:
    case ZYDIS_CATEGORY_SYSTEM:
    case ZYDIS_CATEGORY_IO:
    case ZYDIS_CATEGORY_IOSTRINGOP:
    case ZYDIS_CATEGORY_VTX:
    case ZYDIS_CATEGORY_INVALID:
      return true;
    default:
      break;
  }
  switch (instruction.mnemonic) {
    case ZYDIS_MNEMONIC_UD0:
    case ZYDIS_MNEMONIC_UD1:
    case ZYDIS_MNEMONIC_UD2:
    case ZYDIS_MNEMONIC_HLT:
    case ZYDIS_MNEMONIC_XBEGIN:
    case ZYDIS_MNEMONIC_XABORT:
    case ZYDIS_MNEMONIC_XEND:
      return true;
    default:
      return false;
  }
}

// Instructions whose writes Zydis does not list as operands, or that change everything.
void NoteWideWrites(const ZydisDecodedInstruction& instruction, Effects* out) {
  switch (instruction.mnemonic) {
    case ZYDIS_MNEMONIC_FXRSTOR:
    case ZYDIS_MNEMONIC_FXRSTOR64:
    case ZYDIS_MNEMONIC_XRSTOR:
    case ZYDIS_MNEMONIC_XRSTOR64:
    case ZYDIS_MNEMONIC_XRSTORS:
    case ZYDIS_MNEMONIC_XRSTORS64:
    case ZYDIS_MNEMONIC_VZEROALL:
      out->vectors_written = kEveryVector;
      break;
    case ZYDIS_MNEMONIC_XGETBV:
    case ZYDIS_MNEMONIC_CPUID:
      out->gprs_written = kEveryGpr;
      break;
    default:
      break;
  }
}

void NoteStore(const ZydisDecodedInstruction& instruction, const ZydisDecodedOperand& operand, Effects* out) {
  const bool second = out->stores;
  out->stores = true;
  out->store.reset();
  const auto& memory = operand.mem;
  const bool plain = memory.type == ZYDIS_MEMOP_TYPE_MEM && memory.index == ZYDIS_REGISTER_NONE &&
                     memory.segment != ZYDIS_REGISTER_FS && memory.segment != ZYDIS_REGISTER_GS &&
                     instruction.address_width == 64;
  const auto base = DwarfNumberOf(memory.base);
  if (second || !plain || !base.has_value() || operand.size % 8 != 0) return;
  RegisterRelative store{*base, memory.disp.has_displacement ? memory.disp.value : 0, operand.size / 8u};
  // A push stores below the stack pointer that it finds.
  if (operand.visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN) {
    if (instruction.meta.category != ZYDIS_CATEGORY_PUSH || *base != kStackPointer) return;
    store.offset -= store.size;
  }
  out->store = store;
}

void NoteTargets(const ZydisDecodedInstruction& instruction, std::span<const ZydisDecodedOperand> operands,
                 LinkAddress address, Effects* out) {
  if (operands.empty()) return;
  const bool branch =
      instruction.meta.branch_type != ZYDIS_BRANCH_TYPE_NONE || instruction.mnemonic == ZYDIS_MNEMONIC_XBEGIN;
  ZyanU64 target = 0;
  if (branch && operands[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE && operands[0].imm.is_relative) {
    if (ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&instruction, &operands[0], address.value, &target))) {
      out->target = LinkAddress{target};
    }
  } else if (instruction.mnemonic == ZYDIS_MNEMONIC_JMP) {
    out->indirect_jump = true;
  }
  for (const ZydisDecodedOperand& operand : operands) {
    const bool number = operand.type == ZYDIS_OPERAND_TYPE_IMMEDIATE && !operand.imm.is_relative;
    if (number && operand.size >= 32) out->immediate = operand.imm.value.u;
  }
  if (instruction.mnemonic == ZYDIS_MNEMONIC_LEA && operands.size() > 1 &&
      operands[1].type == ZYDIS_OPERAND_TYPE_MEMORY && operands[1].mem.base == ZYDIS_REGISTER_RIP &&
      ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&instruction, &operands[1], address.value, &target))) {
    out->address_taken = LinkAddress{target};
  }
}

void NoteLeaks(const ZydisDecodedInstruction& instruction, std::span<const ZydisDecodedOperand> operands,
               Effects* out) {
  const bool compares = instruction.mnemonic == ZYDIS_MNEMONIC_CMP || instruction.mnemonic == ZYDIS_MNEMONIC_TEST;
  if (operands.empty() || compares) return;
  const auto number = [](const ZydisDecodedOperand& operand) {
    return operand.type == ZYDIS_OPERAND_TYPE_REGISTER ? DwarfNumberOf(operand.reg.value) : std::nullopt;
  };
  const bool exchanges = operands.size() > 1 && (operands[1].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
  const bool adjusts = number(operands[0]) == kStackPointer && !exchanges &&
                       (operands[0].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
  if (adjusts) return;
  const auto leak = [out](std::optional<uint32_t> reg) {
    out->leaks_rsp |= reg == kStackPointer;
    out->leaks_rbp |= reg == kFramePointer;
  };
  for (const ZydisDecodedOperand& operand : operands.first(instruction.operand_count_visible)) {
    if ((operand.actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0) leak(number(operand));
    if (instruction.mnemonic == ZYDIS_MNEMONIC_LEA && operand.type == ZYDIS_OPERAND_TYPE_MEMORY) {
      leak(DwarfNumberOf(operand.mem.base));
      leak(DwarfNumberOf(operand.mem.index));
    }
  }
  if (instruction.mnemonic == ZYDIS_MNEMONIC_PUSH) out->leaks_rbp = false;
  if (instruction.mnemonic == ZYDIS_MNEMONIC_MOV && number(operands[0]) == kFramePointer && out->leaks_rsp) {
    out->sets_frame_pointer = true;
    out->leaks_rsp = false;
  }
}

const ZydisDecoder* Decoder() {
  static const ZydisDecoder decoder = [] {
    ZydisDecoder made;
    ZydisDecoderInit(&made, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    return made;
  }();
  return &decoder;
}

}  // namespace

absl::StatusOr<Effects> EffectsOf(std::span<const uint8_t> bytes, LinkAddress address) {
  bytes = bytes.first(std::min<size_t>(bytes.size(), ZYDIS_MAX_INSTRUCTION_LENGTH));
  ZydisDecodedInstruction instruction;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
  if (bytes.empty() ||
      ZYAN_FAILED(ZydisDecoderDecodeFull(Decoder(), bytes.data(), bytes.size(), &instruction, operands))) {
    return absl::InvalidArgumentError(
        absl::StrCat("address 0x", absl::Hex(address.value), ": the bytes are not one complete x86-64 instruction"));
  }
  Effects out;
  out.length = instruction.length;
  out.leaves = Leaves(instruction);
  out.conditional = instruction.meta.category == ZYDIS_CATEGORY_COND_BR;
  out.jumps = out.conditional || instruction.mnemonic == ZYDIS_MNEMONIC_JMP;
  out.returns = instruction.mnemonic == ZYDIS_MNEMONIC_RET;
  out.pushes = instruction.meta.category == ZYDIS_CATEGORY_PUSH;
  for (const ZydisDecodedOperand& operand : std::span(operands, instruction.operand_count)) {
    if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY && operand.mem.type == ZYDIS_MEMOP_TYPE_VSIB) out.stores = true;
    if ((operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) == 0) continue;
    if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER) NoteRegisterWrite(operand.reg.value, &out);
    if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY) NoteStore(instruction, operand, &out);
  }
  NoteWideWrites(instruction, &out);
  const std::span<const ZydisDecodedOperand> all(operands, instruction.operand_count);
  NoteTargets(instruction, all, address, &out);
  NoteAssignments(instruction, all, &out);
  NoteLeaks(instruction, all, &out);
  return out;
}

}  // namespace dlog::code
