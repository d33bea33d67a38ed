// SPDX-License-Identifier: Apache-2.0
//
// What one instruction changes, as far as it matters for moving a probe across it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "symbolizer/base/addresses.h"

namespace dlog::code {

// Bytes [register + offset, register + offset + size), the register's value being the one before the instruction.
struct RegisterRelative {
  uint32_t base = 0;  // DWARF number
  int64_t offset = 0;
  uint32_t size = 0;
};

// register = constant + sum of factor * register, modulo 2^bits, the registers on the right being those before the
// instruction. Nothing is said about the bits above.
struct Assignment {
  struct Term {
    uint32_t reg = 0;  // DWARF number
    uint64_t factor = 0;
  };
  uint32_t reg = 0;
  uint32_t bits = 64;
  uint64_t constant = 0;
  std::array<Term, 2> terms;  // a factor of 0: none
};

struct Effects {
  uint8_t length = 0;
  // Control may go elsewhere than to the next instruction, or not come back at all: branches, calls, returns, system
  // calls, traps, transactions. Faults of memory accesses and divisions do not count.
  bool leaves = false;
  uint32_t gprs_written = 0;  // bit n: DWARF register n (0..15), whole or in part
  // Of the registers written, those that hold something computable then; the others may hold anything.
  absl::InlinedVector<Assignment, 2> assignments;
  uint32_t vectors_written = 0;           // bit n: xmm n, or the ymm or zmm around it
  bool pushes = false;                    // lowers rsp and stores there, and does nothing else to it
  bool stores = false;                    // writes memory
  std::optional<RegisterRelative> store;  // where, when that is one place at a register + constant
  // Makes an address of the stack out of rsp or rbp for others to use; adjusting rsp does not count, nor does saving
  // rbp.
  bool leaks_rsp = false;
  bool leaks_rbp = false;
  bool sets_frame_pointer = false;  // mov rbp, rsp
  // Of a direct branch or call.
  std::optional<LinkAddress> target;
  bool jumps = false;          // a jump, conditional or not, but no call
  bool conditional = false;    // of a jump
  bool indirect_jump = false;  // a jump (not a call) to a computed address
  bool returns = false;        // a near return
  // Of a rip-relative lea: a table or a label.
  std::optional<LinkAddress> address_taken;
  // A number in the instruction that is wide enough for an address: in code with a fixed address it may be a label.
  std::optional<uint64_t> immediate;
};

// InvalidArgument when the bytes are not one complete instruction.
absl::StatusOr<Effects> EffectsOf(std::span<const uint8_t> bytes, LinkAddress address);

}  // namespace dlog::code
