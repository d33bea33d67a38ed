// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace dlog::code {

// Where the canonical frame address (CFA) is at an instruction: register + offset.
struct FramePosition {
  uint32_t base = 0;  // DWARF number
  int64_t offset = 0;
};

}  // namespace dlog::code
