// SPDX-License-Identifier: Apache-2.0
//
// What a hit takes from the target on this machine, by the kind of instruction that carries the probe.
#pragma once

#include <cstdint>

#include "daemon/attach/instruction_canaries.h"

namespace dlog::attach {

struct HitCosts {
  // Until measured: a 6.18 guest.
  int64_t emulated_ns = 600;
  int64_t stepped_ns = 25000;
  int64_t capture_ns = 300;    // on top, for a record of ordinary size
  int64_t vectors_ns = 14000;  // on top, when vector registers are captured
  int64_t start_ns = 200;      // on top, to note the start of a call or to take it out again
  uint32_t processors = 1;
};

// What the canaries have not measured keeps its default.
HitCosts CostsOf(const InstructionCanaries& canaries);

}  // namespace dlog::attach
