// SPDX-License-Identifier: Apache-2.0
//
// Redaction on the daemon's side. The worker leaves secrets out of its plans; here it is checked that a plan was made
// so, by the daemon's own rules. A plan names what it reads: one that lies about names cannot be told from one that
// does not, which is why `redaction.accept-plans` exists.
#pragma once

#include "absl/status/status.h"
#include "plan.pb.h"
#include "symbolizer/base/redaction_rules.h"

namespace dlog::daemon {

struct RedactionPolicy {
  RedactionConfig config;
  bool accept_plans = true;

  v1::Redaction ToProto() const;
};

// PermissionDenied, with a hint, when `plan` captures something that a rule matches by the names in the plan, or was
// made without redaction. `given`: by a user, not by this daemon's worker.
absl::Status CheckRedaction(const RedactionRules& rules, const v1::ResolvedLogpoint& plan, bool given);

}  // namespace dlog::daemon
