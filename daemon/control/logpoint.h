// SPDX-License-Identifier: Apache-2.0
//
// One logpoint of the registry, from its attaching to its end.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "control.pb.h"
#include "daemon/base/mutex.h"
#include "daemon/control/attacher.h"
#include "daemon/control/ledger.h"
#include "daemon/pipeline/event_builder.h"
#include "daemon/targets/container.h"
#include "daemon/targets/process.h"

namespace dlog::daemon {

// What is known before attaching. Constant afterwards.
struct LogpointSetup {
  std::shared_ptr<const pipeline::LogpointContext> context;
  std::vector<std::string> warnings;
  std::optional<ProcessHandle> process;  // the target, when it is one process
  ContainerIdentity container;           // of `process`
  std::string target_key;                // "pid 4711" or the file's path: counts distinct targets
  double resolve_ms = 0;
  bool interactive = false;  // ends with the stream that follows it
  absl::Time created;        // of the engine's monotonic clock
  int64_t created_unix_ns = 0;
  bool claimed = false;                              // interactive: a stream owns it already
  std::string reason;                                // of the first state
  Ledger ledger;                                     // the account so far, when the logpoint has been attached before
  std::string target_print;                          // TargetFinder::Fingerprint of what it is attached to
  std::shared_ptr<const v1::ResolvedLogpoint> plan;  // made elsewhere and given by the user; may be null

  // What a logpoint that takes over from `before` (whose setup this is) has of it: age, account, owner.
  LogpointSetup Continued(const class Logpoint& before) const;
};

class Logpoint {
 public:
  Logpoint(LogpointSetup setup, std::unique_ptr<Attachment> attachment, double attach_ms);
  // Parked from the start: `state` is "pending" or "paused".
  Logpoint(LogpointSetup setup, const std::string& state);

  const std::string& id() const { return setup_.context->spec.id(); }
  const LogpointSetup& setup() const { return setup_; }
  const pipeline::LogpointContext& context() const { return *setup_.context; }
  absl::Time expires() const { return setup_.created + absl::Milliseconds(context().spec.limits().ttl_ms()); }

  // Drain thread, for each record. Accept fills hits_since_last and lost_since_last and says whether the event may be
  // published (not when the hit limit has been reached). `batch` numbers the reads of the ring: the kernel's counters
  // are read once per batch.
  bool Accept(uint64_t batch, event::Event* event) ABSL_LOCKS_EXCLUDED(mutex_);
  void Undecodable(const absl::Status& why) ABSL_LOCKS_EXCLUDED(mutex_);

  int64_t created_unix_ns() const { return created_unix_ns_; }

  // From any thread.
  v1::LogpointState State() const ABSL_LOCKS_EXCLUDED(mutex_);
  bool active() const ABSL_LOCKS_EXCLUDED(mutex_);
  // Without probes for now: pending, resolving or paused.
  bool parked() const ABSL_LOCKS_EXCLUDED(mutex_);
  bool live() const { return active() || parked(); }
  std::string state() const ABSL_LOCKS_EXCLUDED(mutex_);
  bool HitLimitReached() const ABSL_LOCKS_EXCLUDED(mutex_);
  uint64_t InFlight() const ABSL_LOCKS_EXCLUDED(mutex_);
  // The first stream that names an interactive logpoint owns it. Returns whether the caller is the first.
  bool Claim() ABSL_LOCKS_EXCLUDED(mutex_);
  bool claimed() const ABSL_LOCKS_EXCLUDED(mutex_);

  // Budget keeper's thread; not after it was told of the end.
  attach::CounterValues KernelCounters() const ABSL_LOCKS_EXCLUDED(mutex_);
  void SetAlarm(uint64_t hits) ABSL_LOCKS_EXCLUDED(mutex_);
  void Disarm() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Rearm() ABSL_LOCKS_EXCLUDED(mutex_);
  // Each event stands for so many hits; 1 = for itself. Above 1 the state is "throttled".
  void SetThrottled(double factor, const std::string& reason) ABSL_LOCKS_EXCLUDED(mutex_);
  void SetOverhead(double cores) ABSL_LOCKS_EXCLUDED(mutex_);
  uint32_t generation() const { return generation_; }

  // Owner thread: the end, in two steps with the draining in between.
  void Detach() ABSL_LOCKS_EXCLUDED(mutex_);
  void Finish(const std::string& state, const std::string& reason, absl::Time now) ABSL_LOCKS_EXCLUDED(mutex_);
  // Instead of Finish: it goes on later, as a new Logpoint that takes over the id and the account.
  void Park(const std::string& state, const std::string& reason) ABSL_LOCKS_EXCLUDED(mutex_);
  void ChangeParked(const std::string& state, const std::string& reason) ABSL_LOCKS_EXCLUDED(mutex_);
  // Why an active logpoint is not what it should be.
  void Remark(const std::string& reason) ABSL_LOCKS_EXCLUDED(mutex_);
  // The account so far, for whoever continues it.
  Ledger ClosedLedger() const ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Time ended() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Close(const std::string& state, const std::string& reason) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Refresh() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Attachment* attachment() const ABSL_LOCKS_EXCLUDED(mutex_);

  const LogpointSetup setup_;
  const double attach_ms_;
  const uint32_t generation_;
  const int64_t created_unix_ns_;
  const std::vector<std::string> attach_warnings_;

  mutable Mutex mutex_;
  std::unique_ptr<Attachment> attachment_ ABSL_GUARDED_BY(mutex_);  // null once finished
  mutable Ledger ledger_ ABSL_GUARDED_BY(mutex_);                   // mutable: reading it brings it up to date
  uint64_t batch_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t undecodable_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string decode_error_ ABSL_GUARDED_BY(mutex_);
  double factor_ ABSL_GUARDED_BY(mutex_) = 1;
  double overhead_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string state_ ABSL_GUARDED_BY(mutex_) = "active";
  std::string reason_ ABSL_GUARDED_BY(mutex_);
  int64_t since_unix_ns_ ABSL_GUARDED_BY(mutex_);
  absl::Time ended_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  bool parked_ ABSL_GUARDED_BY(mutex_) = false;
  bool claimed_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dlog::daemon
