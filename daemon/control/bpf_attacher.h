// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "daemon/attach/probe_set.h"
#include "daemon/control/attacher.h"

namespace dlog::daemon {

// The engine's Attacher on the kernel. Errors of attach::BpfRuntime::Create.
absl::StatusOr<std::unique_ptr<Attacher>> MakeBpfAttacher(const attach::RuntimeOptions& options);

}  // namespace dlog::daemon
