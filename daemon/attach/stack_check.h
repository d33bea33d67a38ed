// SPDX-License-Identifier: Apache-2.0
//
// A uprobe program whose function uses 64 bytes of stack or more gets a stack per CPU from Linux 6.13 on (private
// stack, check_max_stack_depth() in kernel/bpf/verifier.c). Hits that sleep or are preempted on one CPU then overwrite
// each other's stack. How much a function uses is the compiler's choice, so it is checked before anything is attached.
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <span>

#include "absl/status/status.h"

namespace dlog::attach {

// The kernel rounds up to 16 bytes and takes a private stack from 64 on.
inline constexpr uint32_t kMaxStackBytes = 48;

// The deepest byte below the frame pointer that any function of the program addresses.
uint32_t DeepestStackUse(std::span<const bpf_insn> program);

// FailedPrecondition when that is more than kMaxStackBytes.
absl::Status CheckStackUse(std::span<const bpf_insn> program);

}  // namespace dlog::attach
