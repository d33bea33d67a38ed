// SPDX-License-Identifier: Apache-2.0
//
// Who calls and who jumps to a function, told by the instructions alone.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "symbolizer/base/addresses.h"

namespace dlog::code {

// A direct transfer to a function's entry.
struct EntryTransfer {
  LinkAddress next;  // of the instruction behind it: where a call returns to
  bool is_call = false;
};

// Every place in `code` (which begins at `address`) whose bytes form a direct call of `entry` or a jump to it. The code
// is looked at byte by byte: some may lie inside other instructions, none is missed. At most `limit`.
std::vector<EntryTransfer> TransfersTo(std::span<const uint8_t> code, LinkAddress address, LinkAddress entry,
                                       size_t limit);

// An instruction that goes where a word of data points to.
struct SlotTransfer {
  LinkAddress address;  // where a direct call or jump would enter it: an endbr64 and a bnd prefix in front belong to it
  LinkAddress next;     // behind it
  bool is_call = false;
};

// Every place in `code` whose bytes form `call [slot]` or `jmp [slot]` relative to rip, as linkers make them. At most
// `limit`.
std::vector<SlotTransfer> TransfersThrough(std::span<const uint8_t> code, LinkAddress address, LinkAddress slot,
                                           size_t limit);

// Whether `code` computes the address `entry`: `lea reg, [rip+...]`, or an immediate of 32 bits when `absolute`. May
// say yes where there is none, never no where there is one.
bool MentionsAddress(std::span<const uint8_t> code, LinkAddress address, LinkAddress entry, bool absolute);

// How one contiguous piece of a function can be left other than by a return.
struct Exits {
  std::vector<LinkAddress> jumps;  // targets of direct jumps out of the piece
  bool indirect = false;           // there are indirect jumps: jump tables, or tail calls through pointers
  bool decoded = true;             // false: some byte is no instruction, or there is too much code
};
Exits ExitsOf(std::span<const uint8_t> code, LinkAddress address);

}  // namespace dlog::code
