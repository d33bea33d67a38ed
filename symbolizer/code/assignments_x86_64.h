// SPDX-License-Identifier: Apache-2.0
//
// Which registers an instruction sets to a sum of others: part of EffectsOf.
#pragma once

#include <Zydis/Zydis.h>

#include <span>

#include "symbolizer/code/effects.h"

namespace dlog::code {

// Fills out->assignments from the decoded instruction.
void NoteAssignments(const ZydisDecodedInstruction& instruction, std::span<const ZydisDecodedOperand> operands,
                     Effects* out);

}  // namespace dlog::code
