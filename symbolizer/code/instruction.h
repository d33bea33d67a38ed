// SPDX-License-Identifier: Apache-2.0
//
// Decoding of one instruction and the judgement whether a uprobe on it is safe. Knows no ELF, no DWARF, no proto: the
// daemon uses it again on the real file's bytes before it attaches.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "symbolizer/base/addresses.h"

namespace dlog::code {

// What the kernel does with a breakpoint on this instruction (arch/x86/kernel/uprobes.c).
enum class ProbeClass {
  kEmulated,  // the kernel computes the effect: cheapest that works everywhere
  kStepped,   // executed out of line with a single-step trap
  kRefused,   // not on the allow-list; `refusal` says why
};

struct Instruction {
  uint8_t length = 0;  // bytes
  std::string text;    // Intel syntax: "push rbp", "call 0x3f10"
  ProbeClass probe_class = ProbeClass::kRefused;
  std::string refusal;  // kRefused: one line for the user, names the instruction's problem
};

// Decodes the first instruction of `bytes` (at most 15 are looked at), which stands at `address`.
// InvalidArgument when the bytes are not one complete 64-bit-mode instruction.
absl::StatusOr<Instruction> Decode(std::span<const uint8_t> bytes, LinkAddress address);

const char* ProbeClassName(ProbeClass probe_class);  // "emulated", "stepped", "refused"

}  // namespace dlog::code
