// SPDX-License-Identifier: Apache-2.0
//
// The instructions that compilers emit in ordinary user code and whose effect does not depend on where they stand or on
// the trap flag: the ones a kernel may execute out of line. Everything else is refused because nobody has shown it
// safe.
#pragma once

#include <Zydis/Zydis.h>

namespace dlog::code {

// Whether the operation as such is on the list. Prefixes, encoding and operands are judged in probe_safety_x86_64.
bool IsOrdinaryOperation(const ZydisDecodedInstruction& instruction);

}  // namespace dlog::code
