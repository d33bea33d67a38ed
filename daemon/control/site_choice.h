// SPDX-License-Identifier: Apache-2.0
//
// Which of the candidate instructions that a plan offers for each statement carries the probe. The daemon trusts
// nobody's site: every instruction is decoded and judged again here, and its bytes are compared with the file when
// attaching.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "daemon/attach/probe_set.h"
#include "daemon/pipeline/event_builder.h"
#include "plan.pb.h"
#include "symbolizer/code/instruction.h"

namespace dlog::daemon {

struct SitePolicyContext {
  v1::SitePolicy policy = v1::SITE_AUTO;
  bool shadow_stack = false;  // the target has one: probing a call could fault in it on some kernels
  // What this kernel's canaries have against an instruction, or empty; null = nothing is known of them.
  std::function<std::string(const code::Instruction&)> canaries = nullptr;
};

struct SiteChoice {
  std::vector<pipeline::LogpointContext::Site> sites;  // at most one per statement
  std::vector<int> entries;                            // for each entry of the plan its candidate, -1 = none is usable
  std::vector<v1::RefusedSite> refused;                // statements without a usable candidate, with the last reason
  std::vector<v1::RefusedSite> refused_entries;        // likewise
};

SiteChoice ChooseSites(const v1::ResolvedLogpoint& resolved, const SitePolicyContext& context);

// After attaching, `sites` and `entries` got no probe: those for which there is another candidate change to it. False
// when that is so for none.
bool ChooseNext(const std::vector<attach::MissingSite>& sites, const std::vector<attach::MissingSite>& entries,
                const SitePolicyContext& policy, pipeline::LogpointContext* context);

// When there is no other: they have none. Returns them.
std::vector<v1::RefusedSite> DropMissingEntries(const std::vector<attach::MissingSite>& missing,
                                                pipeline::LogpointContext* context);

// After attaching: the sites that got no probe move from `sites` to `refused`. Returns the positions in `sites` before
// that still have one, ascending.
std::vector<size_t> DropMissing(const std::vector<attach::MissingSite>& missing, pipeline::LogpointContext* context);

// Why there is no site at all: FailedPrecondition with a hint.
absl::Status NothingToProbe(const pipeline::LogpointContext& context);

// What the user is told of an entry without a probe.
std::string EntryWarning(const v1::RefusedSite& entry);

// What the user is told of the statements without a probe, those of the plan included; empty when there are none.
std::string RefusalWarning(const pipeline::LogpointContext& context);

// Rewrites `resolved` to what attaching would do: each statement is left with its chosen candidate only, statements
// without one move to `refused`.
void KeepChosen(const SiteChoice& choice, v1::ResolvedLogpoint* resolved);

}  // namespace dlog::daemon
