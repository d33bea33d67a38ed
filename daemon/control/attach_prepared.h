// SPDX-License-Identifier: Apache-2.0
//
// From the chosen sites to probes: what the kernel or the start-up canaries refuse gives way to the statement's next
// candidate.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "daemon/control/attacher.h"
#include "daemon/control/preparer.h"

namespace dlog::daemon {

// Fills in the order's sites and entries and attaches. `prepared->context` then has the candidates that were asked for
// last, of which Attachment::missing() got no probe; entries without one are -1 there and have a warning. Owner thread.
// FailedPrecondition with a hint when no site has a probe; else the errors of Attacher::Attach.
absl::StatusOr<std::unique_ptr<Attachment>> AttachPrepared(Attacher* attacher, Prepared* prepared);

}  // namespace dlog::daemon
