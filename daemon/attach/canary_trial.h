// SPDX-License-Identifier: Apache-2.0
//
// One trial of InstructionCanaries: a sacrificial child, a probe in it, and what became of it. `name` and `used` of the
// results are left to the caller.
#pragma once

#include "daemon/attach/canary_stubs.h"
#include "daemon/attach/instruction_canaries.h"

namespace dlog::attach {

// A finding, and not the failure of a trial for want of time, memory or privileges: worth keeping until the next boot.
bool IsLasting(const CanaryResult& result);

CanaryResult TryStub(const CanaryStub& stub, Backend backend);
// A call in a process with a shadow stack.
CanaryResult TryShadowStack(Backend backend);
// Whether a sleepable program reads a page that the process has not touched yet.
CanaryResult TryColdPage(Backend backend);

}  // namespace dlog::attach
