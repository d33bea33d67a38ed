// SPDX-License-Identifier: Apache-2.0
#include <Zydis/Zydis.h>

#include <algorithm>
#include <utility>

#include "symbolizer/code/frame_trace.h"

namespace dlog::code {

namespace {

constexpr uint32_t kRsp = 7;
constexpr uint32_t kRbp = 6;
constexpr size_t kMaxLookAhead = 512;
constexpr size_t kMaxStores = 4096;
constexpr uint64_t kMaxSlotBytes = 4096;  // larger parameters are passed in the caller's memory

// DWARF number of a 64-bit general register; none for everything else.
std::optional<uint32_t> DwarfNumber(ZydisRegister reg) {
  static constexpr uint32_t kNumbers[] = {0, 2, 1, 3, 7, 6, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15};
  if (reg < ZYDIS_REGISTER_RAX || reg > ZYDIS_REGISTER_R15) return std::nullopt;
  return kNumbers[reg - ZYDIS_REGISTER_RAX];
}

// The 64-bit register that a write to any part of `reg` changes.
std::optional<uint32_t> EnclosingNumber(ZydisRegister reg) {
  return DwarfNumber(ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg));
}

// Wraps: displacements are the file's.
int64_t Sum(int64_t a, int64_t b) { return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b)); }
int64_t Difference(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}

bool IsReturn(const ZydisDecodedInstruction& i) { return i.meta.category == ZYDIS_CATEGORY_RET; }
bool IsCall(const ZydisDecodedInstruction& i) { return i.meta.category == ZYDIS_CATEGORY_CALL; }
bool IsBranch(const ZydisDecodedInstruction& i) {
  return i.meta.category == ZYDIS_CATEGORY_COND_BR || i.meta.category == ZYDIS_CATEGORY_UNCOND_BR;
}

}  // namespace

// One pass over the code; fills in the trace.
class FrameTracer {
 public:
  explicit FrameTracer(FrameTrace* out) : out_(out) { registers_[kRsp] = FramePlace{}; }

  void Run(std::span<const uint8_t> code, LinkAddress entry, LinkAddress until) {
    ZydisDecoder decoder;
    if (ZYAN_FAILED(ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64))) return;
    code = code.first(std::min(code.size(), kMaxTracedBytes));
    size_t at = 0;
    while (at < code.size() && out_->stores_.size() < kMaxStores) {
      const LinkAddress address{entry.value + at};
      if (address >= until && !out_->reached_) Arrive(address == until, until);
      if (out_->reached_ && address.value - until.value > kMaxLookAhead) return;
      ZydisDecodedInstruction instruction;
      if (ZYAN_FAILED(ZydisDecoderDecodeFull(&decoder, code.data() + at, code.size() - at, &instruction, operands_))) {
        return;
      }
      if (out_->reached_ && (IsBranch(instruction) || IsCall(instruction) || IsReturn(instruction))) return;
      const std::optional<FramePlace> before = registers_[kRsp];
      Step(instruction, address);
      if (out_->reached_ && Grows(before, registers_[kRsp])) out_->grows_ahead_ = true;
      at += instruction.length;
    }
    if (!out_->reached_ && entry.value + at == until.value) Arrive(true, until);
  }

 private:
  void Arrive(bool on_boundary, LinkAddress until) {
    out_->reached_ = true;
    if (body_.has_value()) out_->body_stack_pointer_ = (*body_)[kRsp];
    if (on_boundary) out_->registers_ = registers_;
    out_->always_reached_ = on_boundary && !returned_ && furthest_target_ <= until.value;
  }

  static bool Grows(const std::optional<FramePlace>& before, const std::optional<FramePlace>& after) {
    if (!before.has_value() || !after.has_value()) return false;
    return after->base > before->base || (after->base == before->base && after->offset < before->offset);
  }

  std::span<const ZydisDecodedOperand> Visible(const ZydisDecodedInstruction& i) const {
    return {operands_, i.operand_count_visible};
  }

  void Step(const ZydisDecodedInstruction& i, LinkAddress address) {
    if (IsBranch(i) || IsReturn(i)) return Transfer(i, address);
    NoteStores(i, address);
    const auto operands = Visible(i);
    switch (i.mnemonic) {
      case ZYDIS_MNEMONIC_PUSH:
        Move(kRsp, -static_cast<int64_t>(i.operand_width / 8));
        AddStore(registers_[kRsp], i.operand_width / 8, address);
        return;
      case ZYDIS_MNEMONIC_POP:
        Forget(i);
        Move(kRsp, i.operand_width / 8);
        return;
      case ZYDIS_MNEMONIC_LEAVE:
        registers_[kRsp] = registers_[kRbp];
        Move(kRsp, 8);
        registers_[kRbp].reset();
        return;
      case ZYDIS_MNEMONIC_CALL:
        for (uint32_t reg : {0u, 1u, 2u, 4u, 5u, 8u, 9u, 10u, 11u}) registers_[reg].reset();
        return;
      case ZYDIS_MNEMONIC_MOV:
      case ZYDIS_MNEMONIC_LEA:
      case ZYDIS_MNEMONIC_ADD:
      case ZYDIS_MNEMONIC_SUB:
      case ZYDIS_MNEMONIC_AND:
        if (operands.size() == 2 && operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
            DwarfNumber(operands[0].reg.value).has_value()) {
          registers_[*DwarfNumber(operands[0].reg.value)] = Computed(i.mnemonic, operands[0], operands[1]);
          return;
        }
        break;
      default:
        break;
    }
    Forget(i);
  }

  // What `left = left OP right` leaves in the register.
  std::optional<FramePlace> Computed(ZydisMnemonic mnemonic, const ZydisDecodedOperand& left,
                                     const ZydisDecodedOperand& right) {
    const bool immediate = right.type == ZYDIS_OPERAND_TYPE_IMMEDIATE;
    if (mnemonic == ZYDIS_MNEMONIC_MOV) {
      const auto source =
          right.type == ZYDIS_OPERAND_TYPE_REGISTER ? DwarfNumber(right.reg.value) : std::optional<uint32_t>();
      return source.has_value() ? registers_[*source] : std::nullopt;
    }
    if (mnemonic == ZYDIS_MNEMONIC_LEA) return PlaceOf(right);
    std::optional<FramePlace> place = registers_[*DwarfNumber(left.reg.value)];
    if (!place.has_value() || !immediate) return std::nullopt;
    if (mnemonic == ZYDIS_MNEMONIC_AND) return FramePlace{++bases_, 0};
    const int64_t distance = right.imm.value.s;
    place->offset = mnemonic == ZYDIS_MNEMONIC_ADD ? Sum(place->offset, distance) : Difference(place->offset, distance);
    return place;
  }

  std::optional<FramePlace> PlaceOf(const ZydisDecodedOperand& operand) const {
    if (operand.type != ZYDIS_OPERAND_TYPE_MEMORY || operand.mem.index != ZYDIS_REGISTER_NONE) return std::nullopt;
    const auto base = DwarfNumber(operand.mem.base);
    if (!base.has_value() || !registers_[*base].has_value()) return std::nullopt;
    FramePlace place = *registers_[*base];
    place.offset = Sum(place.offset, operand.mem.disp.value);
    return place;
  }

  void NoteStores(const ZydisDecodedInstruction& i, LinkAddress address) {
    for (const ZydisDecodedOperand& operand : Visible(i)) {
      // `or [rsp], 0` touches the stack without storing anything.
      const bool writes = (operand.actions & ZYDIS_OPERAND_ACTION_MASK_READ) == 0 &&
                          (operand.actions & ZYDIS_OPERAND_ACTION_WRITE) != 0;
      if (writes && operand.type == ZYDIS_OPERAND_TYPE_MEMORY) AddStore(PlaceOf(operand), operand.size / 8, address);
    }
  }

  void AddStore(const std::optional<FramePlace>& place, uint32_t size, LinkAddress address) {
    // A branch that leads past the store: not every execution makes it.
    if (!place.has_value() || size == 0 || furthest_target_ > address.value) return;
    out_->stores_.push_back({*place, size, out_->reached_});
  }

  void Move(uint32_t reg, int64_t distance) {
    if (registers_[reg].has_value()) registers_[reg]->offset = Sum(registers_[reg]->offset, distance);
  }

  // Whatever else an instruction writes is no longer known.
  void Forget(const ZydisDecodedInstruction& i) {
    for (uint8_t n = 0; n < i.operand_count; ++n) {
      const ZydisDecodedOperand& operand = operands_[n];
      if (operand.type != ZYDIS_OPERAND_TYPE_REGISTER || (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) == 0) {
        continue;
      }
      if (const auto reg = EnclosingNumber(operand.reg.value); reg.has_value() && !IsStackMove(i, *reg)) {
        registers_[*reg].reset();
      }
    }
  }

  static bool IsStackMove(const ZydisDecodedInstruction& i, uint32_t reg) {
    return i.mnemonic == ZYDIS_MNEMONIC_POP && reg == kRsp;
  }

  void Transfer(const ZydisDecodedInstruction& i, LinkAddress address) {
    if (!body_.has_value()) body_ = registers_;
    returned_ = returned_ || IsReturn(i);
    if (IsBranch(i)) {
      ZyanU64 target = UINT64_MAX;  // indirect: anywhere
      const ZydisDecodedOperand& operand = operands_[0];
      if (operand.type != ZYDIS_OPERAND_TYPE_IMMEDIATE ||
          ZYAN_FAILED(ZydisCalcAbsoluteAddress(&i, &operand, address.value, &target))) {
        target = UINT64_MAX;
      }
      furthest_target_ = std::max<uint64_t>(furthest_target_, target);
    }
    // What comes next in the address order is reached from the body of the function, not from behind its epilogue.
    if (i.meta.category != ZYDIS_CATEGORY_COND_BR) registers_ = *body_;
  }

  FrameTrace* const out_;
  FrameTrace::Registers registers_{};
  std::optional<FrameTrace::Registers> body_;
  ZydisDecodedOperand operands_[ZYDIS_MAX_OPERAND_COUNT];
  uint64_t furthest_target_ = 0;
  uint32_t bases_ = 0;
  bool returned_ = false;
};

FrameTrace::FrameTrace(std::span<const uint8_t> code, LinkAddress entry, LinkAddress until) {
  FrameTracer(this).Run(code, entry, until);
}

std::optional<FramePlace> FrameTrace::Register(uint32_t reg) const {
  return reg < registers_.size() ? registers_[reg] : std::nullopt;
}

bool FrameTrace::StackPointerSettled() const {
  const std::optional<FramePlace>& rsp = registers_[kRsp];
  return rsp.has_value() && !grows_ahead_ && (!body_stack_pointer_.has_value() || rsp == body_stack_pointer_);
}

bool FrameTrace::Stored(FramePlace place, uint64_t size) const {
  std::vector<bool> written(std::min(size, kMaxSlotBytes));
  bool any = false;
  const auto for_each_byte = [&](const Store& store, auto&& visit) {
    if (store.place.base != place.base) return;
    for (uint32_t n = 0; n < store.size; ++n) {
      const int64_t byte = Difference(Sum(store.place.offset, n), place.offset);
      if (byte >= 0 && static_cast<uint64_t>(byte) < written.size()) visit(static_cast<size_t>(byte));
    }
  };
  for (const Store& store : stores_) {
    if (store.ahead) continue;
    for_each_byte(store, [&](size_t byte) { any = written[byte] = true; });
  }
  bool missing = !any;
  for (const Store& store : stores_) {
    if (!store.ahead) continue;
    for_each_byte(store, [&](size_t byte) { missing = missing || !written[byte]; });
  }
  return !missing;
}

}  // namespace dlog::code
