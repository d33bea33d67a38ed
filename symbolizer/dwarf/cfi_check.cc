// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/cfi_check.h"

#include <dwarf.h>

#include <string_view>
#include <unordered_map>

#include "symbolizer/dwarf/cursor.h"

namespace dlog::dwarf {
namespace {

constexpr uint32_t kEscape64 = 0xffffffff;
constexpr uint8_t kPointerFormat = 0x0f;  // the low half of a DW_EH_PE_* encoding

// What a CIE says about the FDEs that refer to it.
struct Common {
  uint8_t pointer_encoding = DW_EH_PE_absptr;
  bool has_augmentation_data = false;
};

void SkipPointer(Cursor* at, uint8_t encoding) {
  switch (encoding & kPointerFormat) {
    case DW_EH_PE_uleb128:
      at->Uleb();
      return;
    case DW_EH_PE_sleb128:
      at->Sleb();
      return;
    case DW_EH_PE_udata2:
    case DW_EH_PE_sdata2:
      return at->Skip(2);
    case DW_EH_PE_udata4:
    case DW_EH_PE_sdata4:
      return at->Skip(4);
    default:
      return at->Skip(8);
  }
}

// The operands of one instruction; false when one of them is a register that does not exist.
bool InstructionIsSane(Cursor* at, uint8_t opcode, const Common& common) {
  const auto reg = [at] { return at->Uleb() <= kMaxFrameRegister; };
  const auto block = [at] { at->Skip(at->Uleb()); };
  switch (opcode) {
    case DW_CFA_set_loc:
      SkipPointer(at, common.pointer_encoding);
      return true;
    case DW_CFA_advance_loc1:
      at->Skip(1);
      return true;
    case DW_CFA_advance_loc2:
      at->Skip(2);
      return true;
    case DW_CFA_advance_loc4:
      at->Skip(4);
      return true;
    case DW_CFA_MIPS_advance_loc8:
      at->Skip(8);
      return true;
    case DW_CFA_offset_extended:
    case DW_CFA_offset_extended_sf:
    case DW_CFA_def_cfa:
    case DW_CFA_def_cfa_sf:
    case DW_CFA_val_offset:
    case DW_CFA_val_offset_sf:
    case DW_CFA_GNU_negative_offset_extended: {
      const bool sane = reg();
      at->Uleb();  // signed ones are as long
      return sane;
    }
    case DW_CFA_restore_extended:
    case DW_CFA_undefined:
    case DW_CFA_same_value:
    case DW_CFA_def_cfa_register:
      return reg();
    case DW_CFA_register: {
      const bool sane = reg();
      return reg() && sane;
    }
    case DW_CFA_def_cfa_offset:
    case DW_CFA_def_cfa_offset_sf:
    case DW_CFA_GNU_args_size:
      at->Uleb();
      return true;
    case DW_CFA_def_cfa_expression:
      block();
      return true;
    case DW_CFA_expression:
    case DW_CFA_val_expression: {
      const bool sane = reg();
      block();
      return sane;
    }
    default:  // no operands, or one that libdw does not know either
      return true;
  }
}

bool InstructionsAreSane(Cursor at, const Common& common) {
  constexpr uint8_t kPrimary = 0xc0;
  while (!at.at_end()) {
    const uint8_t opcode = at.U8();
    if ((opcode & kPrimary) == DW_CFA_offset) at.Uleb();
    if ((opcode & kPrimary) != 0) continue;  // the register is in the opcode
    if (!InstructionIsSane(&at, opcode, common)) return false;
  }
  return true;
}

// Leaves `at` at the initial instructions.
Common ReadCommon(Cursor* at) {
  Common out;
  const uint8_t version = at->U8();
  const std::string_view augmentation = at->CString();
  if (version >= 4) at->Skip(2);  // sizes of addresses and segment selectors
  at->Uleb();                     // code alignment
  at->Sleb();                     // data alignment
  if (version == 1) {
    at->U8();
  } else {
    at->Uleb();  // return address register
  }
  if (augmentation.empty() || augmentation.front() != 'z') return out;
  out.has_augmentation_data = true;
  Cursor data(at->Bytes(at->Uleb()));
  for (const char kind : augmentation.substr(1)) {
    if (kind == 'R') out.pointer_encoding = data.U8();
    if (kind == 'L') data.U8();
    if (kind == 'P') SkipPointer(&data, data.U8());
  }
  return out;
}

}  // namespace

bool NamesOnlyRealRegisters(std::span<const uint8_t> section, bool is_eh) {
  std::unordered_map<uint64_t, Common> commons;  // by offset of the CIE
  Cursor at(section);
  while (!at.at_end()) {
    const uint64_t start = at.position();
    uint64_t length = at.U32();
    const bool is_64 = length == kEscape64;
    if (is_64) length = at.U64();
    const uint64_t id_position = at.position();
    if (length == 0) continue;  // a terminator; more may follow after linking
    Cursor entry(at.Bytes(length));
    const uint64_t id = entry.Offset(is_64 && !is_eh);
    const bool is_common = is_eh ? id == 0 : id == (is_64 ? ~uint64_t{0} : uint64_t{kEscape64});
    Common common;
    if (is_common) {
      common = commons[start] = ReadCommon(&entry);
    } else {
      common = commons[is_eh ? id_position - id : id];
      SkipPointer(&entry, common.pointer_encoding);
      SkipPointer(&entry, common.pointer_encoding);
      if (common.has_augmentation_data) entry.Skip(entry.Uleb());
    }
    if (!InstructionsAreSane(entry, common)) return false;
  }
  return true;
}

}  // namespace dlog::dwarf
