// SPDX-License-Identifier: Apache-2.0
//
// Everything about a logpoint that comes before attaching it: policy, target, worker (or a plan from elsewhere), checks
// of what the worker says, choice of sites. Also what `explain`, `vars` and `lines` answer.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "control.pb.h"
#include "daemon/base/mutex.h"
#include "daemon/control/attacher.h"
#include "daemon/control/plan_redaction.h"
#include "daemon/control/site_choice.h"
#include "daemon/metrics/histogram.h"
#include "daemon/pipeline/event_builder.h"
#include "daemon/targets/container.h"
#include "daemon/targets/process.h"
#include "daemon/targets/target_finder.h"
#include "plan.pb.h"
#include "symbolizer/code/instruction.h"

namespace dlog::daemon {

struct PrepareSeams {
  // SymbolizerClient::Run.
  std::function<absl::StatusOr<v1::SymbolizerResponse>(const v1::SymbolizerRequest&)> symbolize;
  std::string host;  // for events
  RedactionPolicy redaction;
  // As SitePolicyContext::canaries; any thread.
  std::function<std::string(const code::Instruction&)> canaries = nullptr;
};

// A logpoint that is ready to be attached; `context.spec.id` is still empty.
struct Prepared {
  pipeline::LogpointContext context;
  AttachOrder order;  // all but sites and entries, which AttachPrepared adds
  SitePolicyContext site_policy;
  std::vector<std::string> warnings;
  std::optional<ProcessHandle> process;
  std::string target_key;
  ContainerIdentity container;  // of `process`
  double resolve_ms = 0;
  std::string target_print;  // TargetFinder::Fingerprint before anything else was looked at
};

// The target has no process and no file yet (or no longer): worth to be asked again later.
bool IsTargetAbsent(const absl::Status& status);

// Thread-safe. At most kMaxWorkers workers run at once; further callers wait.
class Preparer {
 public:
  static constexpr int kMaxWorkers = 4;

  explicit Preparer(PrepareSeams seams) : seams_(std::move(seams)), rules_(seams_.redaction.config) {}

  // `known`: an earlier answer of the worker for this spec, taken again when the target still is of that build; may be
  // null.
  absl::StatusOr<std::unique_ptr<Prepared>> Prepare(const v1::AddRequest& request,
                                                    const v1::ResolvedLogpoint* known = nullptr);
  std::string Fingerprint(const v1::Target& target) const { return finder_.Fingerprint(target); }
  // Each statement with the one candidate that attaching would take.
  absl::StatusOr<v1::ResolvedLogpoint> Explain(v1::LogpointSpec spec, bool all_variables);
  // Without a worker.
  absl::StatusOr<v1::BuildsResponse> Builds(const v1::Target& target) const;
  absl::StatusOr<v1::FileLines> Lines(const v1::Target& target, const std::string& file);

  metrics::HistogramSnapshot resolve_times() const { return resolve_times_.Snapshot(); }
  std::map<std::string, uint64_t> failures() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  absl::StatusOr<v1::SymbolizerResponse> Symbolize(const v1::SymbolizerRequest& request) ABSL_LOCKS_EXCLUDED(mutex_);
  bool WorkerFree() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return workers_ < kMaxWorkers; }
  absl::Status Resolve(const FoundTarget& target, const v1::ResolvedLogpoint* known, Prepared* prepared);
  absl::StatusOr<FoundTarget> OpenTarget(const v1::Target& target, Prepared* prepared);
  absl::Status Complete(const FoundTarget& target, Prepared* prepared);

  absl::Status TakePlan(const v1::ResolvedLogpoint& plan, Prepared* prepared) const;

  const PrepareSeams seams_;
  const RedactionRules rules_;
  const TargetFinder finder_;
  metrics::DurationHistogram resolve_times_;
  mutable Mutex mutex_;
  int workers_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, uint64_t> failures_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dlog::daemon
