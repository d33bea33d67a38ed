// SPDX-License-Identifier: Apache-2.0
//
// The seccomp filter of dlog-symbolizer: an allow list. Anything else does not happen and ends the process with
// kExitForbiddenCall after a line with the call's number on standard error.
#pragma once

#include "absl/status/status.h"

namespace dlog::sandbox {

// For this thread and all that it starts. Cannot be undone. no_new_privs must be set. Unavailable when the kernel has
// no seccomp filters.
absl::Status InstallSystemCallFilter();

}  // namespace dlog::sandbox
