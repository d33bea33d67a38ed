// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/code/assignments_x86_64.h"

#include <algorithm>
#include <optional>

#include "symbolizer/code/registers_x86_64.h"

namespace dlog::code {
namespace {

constexpr uint32_t kStackPointer = 7;
constexpr uint64_t kMinusOne = ~uint64_t{0};

bool IsHighByte(ZydisRegister reg) { return reg >= ZYDIS_REGISTER_AH && reg <= ZYDIS_REGISTER_BH; }

// A general register whose low bits the operand is.
std::optional<uint32_t> LowPartOf(const ZydisDecodedOperand& operand) {
  if (operand.type != ZYDIS_OPERAND_TYPE_REGISTER || IsHighByte(operand.reg.value)) return std::nullopt;
  return DwarfNumberOf(operand.reg.value);
}

class Reader {
 public:
  Reader(const ZydisDecodedInstruction& instruction, std::span<const ZydisDecodedOperand> operands, Effects* out)
      : instruction_(instruction), operands_(operands), out_(out) {}

  void Run();

 private:
  // destination = constant + sum of terms, as wide as the first operand or as `bits`.
  void Assign(uint64_t constant, Assignment::Term first = {}, Assignment::Term second = {}, uint32_t bits = 64);
  // The second operand, times `sign`: a register or a number.
  void AddSecond(uint64_t sign);
  void Lea();
  void Exchange();
  void Stack();
  // A copy of the low bits of the source, which is not wider than the destination.
  void Copy(size_t source);
  bool Immediate(size_t i) const {
    return i < operands_.size() && operands_[i].type == ZYDIS_OPERAND_TYPE_IMMEDIATE && !operands_[i].imm.is_relative;
  }
  std::optional<uint32_t> Low(size_t i) const { return i < operands_.size() ? LowPartOf(operands_[i]) : std::nullopt; }

  const ZydisDecodedInstruction& instruction_;
  const std::span<const ZydisDecodedOperand> operands_;
  Effects* const out_;
};

void Reader::Assign(uint64_t constant, Assignment::Term first, Assignment::Term second, uint32_t bits) {
  Assignment assignment;
  assignment.reg = *Low(0);
  assignment.bits = std::min<uint32_t>(bits, operands_[0].size);
  assignment.constant = constant;
  assignment.terms = {first, second};
  // Operands that are 32 bits wide clear the upper half: a number is all that the register holds then.
  if (assignment.bits == 32 && first.factor == 0 && second.factor == 0) {
    assignment.bits = 64;
    assignment.constant &= 0xffff'ffff;
  }
  out_->assignments.push_back(assignment);
}

void Reader::Copy(size_t source) {
  if (Immediate(source)) return Assign(operands_[source].imm.value.u);
  if (const auto from = Low(source)) Assign(0, {*from, 1}, {}, operands_[source].size);
}

void Reader::AddSecond(uint64_t sign) {
  const uint32_t self = *Low(0);
  if (Immediate(1)) return Assign(sign * operands_[1].imm.value.u, {self, 1});
  const auto other = Low(1);
  if (!other.has_value()) return;
  if (*other == self) return sign == 1 ? Assign(0, {self, 2}) : Assign(0);
  Assign(0, {self, 1}, {*other, sign});
}

void Reader::Lea() {
  const auto& memory = operands_[1].mem;
  Assignment::Term terms[2];
  if (instruction_.address_width != 64) return;
  if (memory.base != ZYDIS_REGISTER_NONE) {
    const auto base = DwarfNumberOf(memory.base);
    if (!base.has_value()) return;  // rip
    terms[0] = {*base, 1};
  }
  if (memory.index != ZYDIS_REGISTER_NONE) {
    const auto index = DwarfNumberOf(memory.index);
    if (!index.has_value()) return;
    terms[1] = {*index, memory.scale};
  }
  Assign(memory.disp.has_displacement ? static_cast<uint64_t>(memory.disp.value) : 0, terms[0], terms[1]);
}

void Reader::Exchange() {
  const auto a = Low(0);
  const auto b = Low(1);
  if (!b.has_value() || operands_[0].size < 32) return;
  for (const auto& [to, from] : {std::pair(*a, *b), std::pair(*b, *a)}) {
    Assignment assignment;
    assignment.reg = to;
    assignment.bits = operands_[0].size;
    assignment.terms[0] = {from, 1};
    out_->assignments.push_back(assignment);
  }
}

void Reader::Stack() {
  const bool pops = instruction_.mnemonic == ZYDIS_MNEMONIC_POP;
  // pop rsp; operands of 16 bits
  if (instruction_.operand_width != 64 || (pops && Low(0) == kStackPointer)) return;
  Assignment assignment;
  assignment.reg = kStackPointer;
  assignment.constant = pops ? 8 : -uint64_t{8};
  assignment.terms[0] = {kStackPointer, 1};
  out_->assignments.push_back(assignment);
}

void Reader::Run() {
  const auto mnemonic = instruction_.mnemonic;
  if (mnemonic == ZYDIS_MNEMONIC_PUSH || mnemonic == ZYDIS_MNEMONIC_POP) return Stack();
  const auto self = Low(0);
  if (!self.has_value() || (instruction_.attributes & ZYDIS_ATTRIB_HAS_LOCK) != 0) return;
  switch (mnemonic) {
    case ZYDIS_MNEMONIC_MOV:
    case ZYDIS_MNEMONIC_MOVZX:
    case ZYDIS_MNEMONIC_MOVSX:
    case ZYDIS_MNEMONIC_MOVSXD:
      return Copy(1);
    case ZYDIS_MNEMONIC_CWDE:
      return Assign(0, {*self, 1}, {}, 16);
    case ZYDIS_MNEMONIC_CDQE:
      return Assign(0, {*self, 1}, {}, 32);
    case ZYDIS_MNEMONIC_LEA:
      return Lea();
    case ZYDIS_MNEMONIC_ADD:
      return AddSecond(1);
    case ZYDIS_MNEMONIC_SUB:
      return AddSecond(kMinusOne);
    case ZYDIS_MNEMONIC_XOR:
      if (Low(1) == self) Assign(0);
      return;
    case ZYDIS_MNEMONIC_INC:
      return Assign(1, {*self, 1});
    case ZYDIS_MNEMONIC_DEC:
      return Assign(kMinusOne, {*self, 1});
    case ZYDIS_MNEMONIC_NEG:
      return Assign(0, {*self, kMinusOne});
    case ZYDIS_MNEMONIC_NOT:  // -x - 1
      return Assign(kMinusOne, {*self, kMinusOne});
    case ZYDIS_MNEMONIC_SHL:
      if (Immediate(1)) {
        const uint64_t count = operands_[1].imm.value.u & (operands_[0].size == 64 ? 63 : 31);
        Assign(0, {*self, uint64_t{1} << count});
      }
      return;
    case ZYDIS_MNEMONIC_IMUL:
      if (instruction_.operand_count_visible == 3 && Immediate(2)) {
        if (const auto from = Low(1)) Assign(0, {*from, operands_[2].imm.value.u});
      }
      return;
    case ZYDIS_MNEMONIC_XCHG:
      return Exchange();
    default:
      return;
  }
}

}  // namespace

void NoteAssignments(const ZydisDecodedInstruction& instruction, std::span<const ZydisDecodedOperand> operands,
                     Effects* out) {
  Reader(instruction, operands, out).Run();
  for (const Assignment& assignment : out->assignments) out->gprs_written |= 1u << assignment.reg;
}

}  // namespace dlog::code
