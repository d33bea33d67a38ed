// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/candidates.h"

#include <cstdint>
#include <limits>
#include <utility>

#include "symbolizer/dwarf/cfi.h"

namespace dlog::symbolizer {
namespace {

constexpr size_t kMaxInstructionBytes = 15;
constexpr uint32_t kRbp = 6, kRsp = 7;      // DWARF numbering
constexpr int64_t kReturnAddressBytes = 8;  // the CFA is right behind it

}  // namespace

absl::StatusOr<Judged> JudgeSite(const dwarf::Module& module, LinkAddress address) {
  auto bytes = module.binary().CodeAt(address, kMaxInstructionBytes);
  if (!bytes.ok()) return bytes.status();
  auto instruction = code::Decode(*bytes, address);
  if (!instruction.ok()) return instruction.status();
  auto offset = module.binary().ToFileOffset(address);
  if (!offset.ok()) return offset.status();
  Judged judged;
  judged.bytes.assign(reinterpret_cast<const char*>(bytes->data()), instruction->length);
  judged.offset = *offset;
  judged.instruction = *std::move(instruction);
  return judged;
}

bool IsEmulated(const Judged& judged) { return judged.instruction.probe_class == code::ProbeClass::kEmulated; }

v1::InstructionClass ToProto(code::ProbeClass probe_class) {
  switch (probe_class) {
    case code::ProbeClass::kEmulated:
      return v1::CLASS_EMULATED;
    case code::ProbeClass::kStepped:
      return v1::CLASS_STEPPED;
    case code::ProbeClass::kRefused:
      break;
  }
  return v1::CLASS_UNKNOWN;
}

v1::CandidateSite CandidateAt(const Judged& judged, LinkAddress address) {
  v1::CandidateSite candidate;
  candidate.set_probe_address(address.value);
  candidate.set_file_offset(judged.offset.value);
  candidate.set_instruction(judged.instruction.text);
  candidate.set_instruction_bytes(judged.bytes);
  candidate.set_instruction_class(ToProto(judged.instruction.probe_class));
  candidate.set_reason("first instruction of the statement");
  return candidate;
}

bool SetReturnSlot(const dwarf::Module& module, LinkAddress address, SlotPlace place, v1::CandidateSite* candidate) {
  auto position = dwarf::CfaPosition(module, address);
  if (place == SlotPlace::kEdge) {
    // There the return address is on top of the stack, whether or not the call frame information covers it.
    if (position.has_value() && (position->base != kRsp || position->offset != kReturnAddressBytes)) return false;
    position = code::FramePosition{kRsp, kReturnAddressBytes};
  }
  if (!position.has_value() || (position->base != kRbp && position->base != kRsp)) return false;
  const int64_t offset = position->offset - kReturnAddressBytes;
  if (offset != static_cast<int32_t>(offset)) return false;
  candidate->mutable_return_slot()->set_register_(position->base);
  candidate->mutable_return_slot()->set_offset(offset);
  return true;
}

}  // namespace dlog::symbolizer
