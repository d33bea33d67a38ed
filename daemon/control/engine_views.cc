// SPDX-License-Identifier: Apache-2.0
//
// Engine: what it tells of itself, to its users and to /metrics. Nothing here changes a logpoint.
#include <sys/utsname.h>

#include <set>
#include <utility>

#include "daemon/control/engine.h"
#include "daemon/control/logpoint.h"
#include "daemon/control/site_choice.h"

namespace dlog::daemon {
namespace {

const char* ClassName(v1::InstructionClass instruction_class) {
  switch (instruction_class) {
    case v1::CLASS_NOP:
      return "nop";
    case v1::CLASS_EMULATED:
      return "emulated";
    default:
      return "stepped";
  }
}

metrics::LogpointMetrics ToMetrics(const v1::LogpointState& state) {
  metrics::LogpointMetrics out;
  const v1::Counters& counters = state.counters();
  out.id = state.spec().id();
  out.hits = counters.hits();
  out.events = counters.emitted();
  out.filtered = counters.filtered();
  out.sampled_out = counters.sampled_out();
  out.rate_limited = counters.rate_limited();
  out.captured_bytes = counters.captured_bytes();
  out.overhead_ratio = state.overhead_ratio();
  for (const v1::Loss& loss : counters.dropped()) out.dropped[loss.reason()] = loss.count();
  return out;
}

}  // namespace

std::optional<v1::ResolvedLogpoint> Engine::ResolvedOf(const std::string& id) const {
  const auto logpoint = registry_.Find(id);
  if (logpoint == nullptr || !logpoint->active()) return std::nullopt;
  return logpoint->context().resolved;
}

std::vector<v1::LogpointState> Engine::List() const {
  std::vector<v1::LogpointState> states;
  for (const auto& logpoint : registry_.All()) states.push_back(logpoint->State());
  return states;
}

absl::StatusOr<v1::DescribeResponse> Engine::Describe(const std::string& id) const {
  auto found = registry_.Get(id);
  if (!found.ok()) return found.status();
  const Logpoint* logpoint = found->get();
  v1::DescribeResponse response;
  *response.mutable_logpoint() = logpoint->State();
  *response.mutable_resolved() = logpoint->context().resolved;
  const pipeline::LogpointContext& context = logpoint->context();
  KeepChosen({context.sites, context.entries, context.refused, {}}, response.mutable_resolved());
  return response;
}

absl::StatusOr<v1::ResolvedLogpoint> Engine::Explain(const v1::LogpointSpec& spec, bool all_variables) {
  return preparer_.Explain(spec, all_variables);
}

absl::StatusOr<v1::FileLines> Engine::Lines(const v1::Target& target, const std::string& file) {
  return preparer_.Lines(target, file);
}

v1::StatusResponse Engine::Status() {
  v1::StatusResponse response;
  response.set_version(DLOG_VERSION);
  response.set_host(options_.host);
  utsname name;
  if (uname(&name) == 0) response.set_kernel(name.release);
  response.set_embedded(options_.embedded);
  if (Attacher* attacher = attacher_) response.set_ring_used_ratio(attacher->RingUsedRatio());
  for (const auto& logpoint : registry_.All()) {
    if (logpoint->active()) response.set_logpoints(response.logpoints() + 1);
  }
  MutexLock lock(&checks_mutex_);
  if (!std::exchange(checked_, true) && seams_.checks) checks_ = seams_.checks();
  for (const v1::Check& check : checks_) *response.add_checks() = check;
  return response;
}

metrics::MetricsSnapshot Engine::Metrics() const {
  metrics::MetricsSnapshot snapshot;
  std::set<std::string> targets;
  for (const auto& logpoint : registry_.All()) {
    const v1::LogpointState state = logpoint->State();
    snapshot.logpoints.push_back(ToMetrics(state));
    ++snapshot.logpoints_by_state[state.state()];
    if (!logpoint->active()) continue;
    targets.insert(logpoint->setup().target_key);
    const v1::ResolvedLogpoint& resolved = logpoint->context().resolved;
    for (const auto& site : logpoint->context().sites) {
      ++snapshot.sites_by_class[ClassName(
          resolved.statements(site.statement).candidates(site.candidate).instruction_class())];
    }
    const std::vector<int>& entries = logpoint->context().entries;
    for (size_t e = 0; e < entries.size(); ++e) {
      if (entries[e] < 0) continue;
      const v1::Statement& entry = resolved.entries(static_cast<int>(e));
      ++snapshot.sites_by_class[ClassName(entry.candidates(entries[e]).instruction_class())];
    }
  }
  snapshot.targets = targets.size();
  snapshot.symbolizer_failures = preparer_.failures();
  snapshot.resolve = preparer_.resolve_times();
  snapshot.event_latency = latency_.Snapshot();
  if (seams_.sinks != nullptr) {
    for (const auto& [name, counters] : seams_.sinks->CountersByName()) snapshot.sinks.push_back({name, counters});
  }
  snapshot.sinks.push_back({hub_.name(), hub_.Counters()});
  if (Attacher* attacher = attacher_) {
    snapshot.ring_used_ratio = attacher->RingUsedRatio();
    for (const attach::CanaryResult& canary : attacher->Canaries()) {
      snapshot.canaries.push_back({canary.name, attach::VerdictName(canary.verdict), canary.cost_ns});
    }
  }
  return snapshot;
}

}  // namespace dlog::daemon
