// SPDX-License-Identifier: Apache-2.0
//
// One function for each class of instructions that a probe may or must not go on; canary_stubs_x86_64.cc.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace dlog::attach {

// What a stub leaves behind: equal whether or not its instruction carries a probe.
struct CanaryState {
  std::array<uint64_t, 16> registers = {};  // DWARF order; [7], the stack pointer, is 0
  uint64_t flags = 0;
  std::array<uint64_t, 16> red_zone = {};  // below the stack pointer
};

struct CanaryStub {
  const char* name;  // of the class
  void (*run)();     // sets all registers, flags and the red zone, passes `site`, fills LastCanaryState()
  const void* site;  // the instruction
  bool used;         // symbolizer/code lets probes on this class
};

std::span<const CanaryStub> CanaryStubs();
const CanaryState& LastCanaryState();  // of this process

// The call in it happens in a process with a shadow stack. Does not return: ends the process with 0, or with
// kNoShadowStack where there is none.
extern "C" [[noreturn]] void dlog_canary_shadow_stack();
extern "C" const char dlog_canary_shadow_stack_site[];
inline constexpr int kNoShadowStack = 2;

}  // namespace dlog::attach
