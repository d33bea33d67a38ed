// SPDX-License-Identifier: Apache-2.0
//
// What the kernel's uprobe code (arch/x86/kernel/uprobes.c) does with a breakpoint on one x86-64 instruction, and
// whether the program computes the same as without it. An allow-list: what is not shown to be safe is refused.
#pragma once

#include <Zydis/Zydis.h>

#include <cstdint>
#include <span>
#include <string>

#include "symbolizer/code/instruction.h"

namespace dlog::code {

struct Verdict {
  ProbeClass probe_class = ProbeClass::kRefused;
  std::string refusal;  // kRefused: one line that names the problem
};

// `bytes` are exactly the instruction's bytes; `instruction` and `operands` (its visible operands) their decoding.
Verdict JudgeProbe(std::span<const uint8_t> bytes, const ZydisDecodedInstruction& instruction,
                   std::span<const ZydisDecodedOperand> operands);

}  // namespace dlog::code
