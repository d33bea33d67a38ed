// SPDX-License-Identifier: Apache-2.0
#include <Zydis/Zydis.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "symbolizer/code/call_scan.h"

namespace dlog::code {
namespace {

constexpr size_t kMaxExitBytes = 256u << 10;
constexpr uint8_t kCallRel32 = 0xe8;
constexpr uint8_t kJumpRel32 = 0xe9;
constexpr uint8_t kJumpRel8 = 0xeb;
constexpr uint8_t kTwoBytes = 0x0f;
constexpr uint8_t kLea = 0x8d;

int32_t Int32At(std::span<const uint8_t> code, size_t at) {
  int32_t value;
  std::memcpy(&value, code.data() + at, sizeof value);
  return value;
}

// The address that a 32-bit displacement at `at` leads to when the instruction ends behind it.
uint64_t TargetAt(std::span<const uint8_t> code, LinkAddress address, size_t at) {
  return address.value + at + 4 + static_cast<uint64_t>(static_cast<int64_t>(Int32At(code, at)));
}

bool IsShortJump(uint8_t opcode) { return opcode == kJumpRel8 || (opcode & 0xf0) == 0x70; }

}  // namespace

std::vector<EntryTransfer> TransfersTo(std::span<const uint8_t> code, LinkAddress address, LinkAddress entry,
                                       size_t limit) {
  std::vector<EntryTransfer> out;
  for (size_t at = 1; at < code.size() && out.size() < limit; ++at) {
    const uint8_t opcode = code[at - 1];
    if (IsShortJump(opcode)) {
      const uint64_t target = address.value + at + 1 + static_cast<uint64_t>(int64_t{static_cast<int8_t>(code[at])});
      if (target == entry.value) out.push_back({{address.value + at + 1}, false});
    }
    const bool conditional = (opcode & 0xf0) == 0x80 && at >= 2 && code[at - 2] == kTwoBytes;
    if (opcode != kCallRel32 && opcode != kJumpRel32 && !conditional) continue;
    if (code.size() - at < 4 || TargetAt(code, address, at) != entry.value) continue;
    out.push_back({{address.value + at + 4}, opcode == kCallRel32});
  }
  return out;
}

std::vector<SlotTransfer> TransfersThrough(std::span<const uint8_t> code, LinkAddress address, LinkAddress slot,
                                           size_t limit) {
  constexpr uint8_t kGroup5 = 0xff, kCallSlot = 0x15, kJumpSlot = 0x25, kBnd = 0xf2;
  constexpr std::array<uint8_t, 4> kEndbr64 = {0xf3, 0x0f, 0x1e, 0xfa};
  std::vector<SlotTransfer> out;
  for (size_t at = 2; at + 4 <= code.size() && out.size() < limit; ++at) {
    const bool is_call = code[at - 1] == kCallSlot;
    if (code[at - 2] != kGroup5 || (!is_call && code[at - 1] != kJumpSlot)) continue;
    if (TargetAt(code, address, at) != slot.value) continue;
    size_t begin = at - 2;
    if (begin > 0 && code[begin - 1] == kBnd) --begin;
    const bool marked = begin >= kEndbr64.size() &&
                        std::equal(kEndbr64.begin(), kEndbr64.end(), code.subspan(begin - kEndbr64.size()).begin());
    if (marked) begin -= kEndbr64.size();
    out.push_back({{address.value + begin}, {address.value + at + 4}, is_call});
  }
  return out;
}

bool MentionsAddress(std::span<const uint8_t> code, LinkAddress address, LinkAddress entry, bool absolute) {
  for (size_t at = 2; at + 4 <= code.size(); ++at) {
    const bool rip_relative = code[at - 2] == kLea && (code[at - 1] & 0xc7) == 0x05;
    if (rip_relative && TargetAt(code, address, at) == entry.value) return true;
    if (absolute && static_cast<uint64_t>(int64_t{Int32At(code, at)}) == entry.value) return true;
  }
  return false;
}

Exits ExitsOf(std::span<const uint8_t> code, LinkAddress address) {
  Exits out;
  ZydisDecoder decoder;
  if (code.size() > kMaxExitBytes ||
      ZYAN_FAILED(ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64))) {
    out.decoded = false;
    return out;
  }
  ZydisDecodedInstruction instruction;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
  for (size_t at = 0; at < code.size(); at += instruction.length) {
    if (ZYAN_FAILED(ZydisDecoderDecodeFull(&decoder, code.data() + at, code.size() - at, &instruction, operands))) {
      out.decoded = false;
      return out;
    }
    if (instruction.meta.category != ZYDIS_CATEGORY_COND_BR && instruction.meta.category != ZYDIS_CATEGORY_UNCOND_BR) {
      continue;
    }
    ZyanU64 target = 0;
    if (operands[0].type != ZYDIS_OPERAND_TYPE_IMMEDIATE ||
        ZYAN_FAILED(ZydisCalcAbsoluteAddress(&instruction, &operands[0], address.value + at, &target))) {
      out.indirect = true;
    } else if (target < address.value || target - address.value >= code.size()) {
      out.jumps.push_back({target});
    }
  }
  return out;
}

}  // namespace dlog::code
