// SPDX-License-Identifier: Apache-2.0
//
// The instructions that a plan offers for a probe.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "plan.pb.h"
#include "symbolizer/base/addresses.h"
#include "symbolizer/code/instruction.h"
#include "symbolizer/dwarf/module.h"

namespace dlog::symbolizer {

struct Judged {
  code::Instruction instruction;
  std::string bytes;
  FileOffset offset;
};

// Decodes the instruction at `address` and says whether a probe may go there. Errors: it is not in the file, or no
// instruction.
absl::StatusOr<Judged> JudgeSite(const dwarf::Module& module, LinkAddress address);

bool IsEmulated(const Judged& judged);

v1::InstructionClass ToProto(code::ProbeClass probe_class);

// Without a plan, as that of the statement's first instruction.
v1::CandidateSite CandidateAt(const Judged& judged, LinkAddress address);

// Where the function's return address lies at `address`: at its first instruction, at one that leaves it, or by the
// call frame information. False when that is not known, or is contradicted.
enum class SlotPlace { kEdge, kWithin };
bool SetReturnSlot(const dwarf::Module& module, LinkAddress address, SlotPlace place, v1::CandidateSite* candidate);

}  // namespace dlog::symbolizer
