// SPDX-License-Identifier: Apache-2.0
//
// The instructions with which a function is left for its caller.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "symbolizer/base/addresses.h"
#include "symbolizer/code/leaders.h"

namespace dlog::code {

enum class ExitKind {
  kReturn,           // ret: the value is where the ABI wants it
  kTailJump,         // a jump to the start of another function, which returns in this one's place
  kConditionalJump,  // a conditional jump out of the function: a hit does not tell whether it is taken
  kIndirectJump,     // to a computed address: a tail call, or a jump table of the function's own
};

struct Exit {
  LinkAddress address;
  uint8_t length = 0;  // bytes of the instruction
  ExitKind kind = ExitKind::kReturn;
  std::optional<LinkAddress> target;  // of kTailJump and kConditionalJump
};

// Those of a function with these ranges (cold parts included), in their order. Calls that never come back and
// exceptions are no exits. InvalidArgument when the code does not decode.
absl::StatusOr<std::vector<Exit>> FindExits(std::span<const MappedBytes> function);

}  // namespace dlog::code
