// SPDX-License-Identifier: Apache-2.0
//
// The daemon trusts nobody's site: the file's own bytes decide.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "daemon/attach/instruction_canaries.h"
#include "symbolizer/base/addresses.h"

namespace dlog::attach {

// Reads the instruction at `offset` of the file `fd` (called `path` in messages) and judges it with symbolizer/code.
// `expected`: the bytes the plan was made for; must cover the whole instruction. Returns why no probe may go there, or
// empty when one may; `canaries` may object too.
// InvalidArgument: `expected` is empty, too long, or ends within the instruction.
// FailedPrecondition: the file ends there or differs: the plan is not one for this file.
absl::StatusOr<std::string> CheckSite(int fd, const std::string& path, FileOffset offset,
                                      std::span<const uint8_t> expected, const InstructionCanaries& canaries);

}  // namespace dlog::attach
