// SPDX-License-Identifier: Apache-2.0
//
// Another instruction for a statement's probe: one that runs exactly as often as the statement's first, at which every
// input of the capture still has, or already has, the same value.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "symbolizer/base/addresses.h"
#include "symbolizer/code/frame_position.h"
#include "symbolizer/code/instruction.h"
#include "symbolizer/code/leaders.h"

namespace dlog::code {

// What a capture reads, besides the stack frame's address, which the caller knows at every instruction.
struct CaptureInputs {
  uint32_t gprs = 0;     // bit n: DWARF register n (0..15)
  uint32_t vectors = 0;  // bit n: xmm n
  enum class Memory {
    kNone,
    kFrame,  // only `slots`
    kAny,
  };
  Memory memory = Memory::kNone;
  struct Slot {
    int64_t begin = 0;  // relative to the CFA
    int64_t end = 0;
  };
  std::vector<Slot> slots;
};

struct Move {
  LinkAddress probe;
  Instruction instruction;
  std::vector<std::string> between;  // the instructions from the earlier of statement and probe up to the later
  bool forward = true;
  std::string reason;  // one line for people
};

// Emulated instructions that can stand in for the one at `statement`, the nearest forward one first; at most one in
// each direction. `frame` tells where the CFA is at an instruction, none when that is not a register + constant.
std::vector<Move> FindMoves(const FunctionFlow& flow, LinkAddress statement, const CaptureInputs& inputs,
                            const std::function<std::optional<FramePosition>(LinkAddress)>& frame);

}  // namespace dlog::code
