// SPDX-License-Identifier: Apache-2.0
//
// Another instruction for a statement's probe: one that runs exactly as often as the statement's first, at which every
// input of the capture still has, or already has, the same value.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "symbolizer/base/addresses.h"
#include "symbolizer/code/frame_position.h"
#include "symbolizer/code/instruction.h"
#include "symbolizer/code/leaders.h"
#include "symbolizer/code/linear_state.h"

namespace dlog::code {

// What a capture reads, besides the stack frame's address, which the caller knows at every instruction.
struct CaptureInputs {
  uint32_t gprs = 0;  // bit n: DWARF register n (0..15)
  // How many low bits of each are read.
  std::array<uint8_t, 16> gpr_bits = {64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64};
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

// A register that holds something else at the probe than at the statement, and what it holds there: right in as many
// low bits as are read of it.
struct RecoveredRegister {
  uint32_t reg = 0;
  RegisterSum value;  // by the registers at the probe
};

struct Move {
  LinkAddress probe;
  Instruction instruction;
  std::vector<std::string> between;  // the instructions from the earlier of statement and probe up to the later
  bool forward = true;
  std::vector<RecoveredRegister> recovered;
  std::string reason;  // one line for people
};

struct MoveSearch {
  std::vector<Move> moves;
  // What ended the way in the directions without a move, each one line for people.
  std::string no_way_on;
  std::string no_way_back;
};

// Emulated instructions that can stand in for the one at `statement`, the nearest forward one first; at most one in
// each direction. `frame` tells where the CFA is at an instruction, none when that is not a register + constant.
MoveSearch FindMoves(const FunctionFlow& flow, LinkAddress statement, const CaptureInputs& inputs,
                     const std::function<std::optional<FramePosition>(LinkAddress)>& frame);

}  // namespace dlog::code
