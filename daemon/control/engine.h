// SPDX-License-Identifier: Apache-2.0
//
// Everything that dlogd does, without gRPC: dlogctl's embedded mode runs the same engine in its own process.
//
//   Engine engine(options, seams);
//   auto state = engine.Add(request);          // resolves, attaches, registers
//   auto stream = engine.OpenStream({state->spec().id()});
//   while (stream->events->Pop(...) ...)
//   engine.CloseStream(*stream);
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "control.pb.h"
#include "daemon/base/mutex.h"
#include "daemon/control/attacher.h"
#include "daemon/control/budget_keeper.h"
#include "daemon/control/drain.h"
#include "daemon/control/owner_thread.h"
#include "daemon/control/preparer.h"
#include "daemon/control/process_watch.h"
#include "daemon/control/registry.h"
#include "daemon/metrics/snapshot.h"
#include "daemon/sink/sink_set.h"
#include "daemon/sink/stream_hub.h"
#include "daemon/state/journal.h"

namespace dlog::daemon {

struct EngineOptions {
  std::string host;
  bool embedded = false;
  size_t max_logpoints = 1000;
  absl::Duration tick = absl::Milliseconds(100);    // how often ends are looked for, at most
  absl::Duration stream_grace = absl::Seconds(10);  // an interactive logpoint without its stream ends after this
  absl::Duration drain_wait = absl::Seconds(2);     // at the end of a logpoint, for records in flight
  absl::Duration watch =
      absl::Milliseconds(250);                   // targets are looked at so often at most: processes come, files change
  absl::Duration watch_slow = absl::Seconds(5);  // and so often at least, when changes of processes are told
  absl::Duration watch_waiting = absl::Seconds(1);  // the same while a logpoint waits for something: a library
  absl::Duration retry = absl::Seconds(10);         // what could not be attached is tried again, at the latest
  absl::Duration save_counts = absl::Seconds(10);   // how old the counters of the journal may be
  absl::Duration keep_ended = absl::Minutes(10);    // how long `ls` shows logpoints that ended by themselves
  size_t max_ended = 256;
  RedactionPolicy redaction;
};

struct EngineSeams {
  std::function<absl::StatusOr<std::unique_ptr<Attacher>>()> make_attacher;  // called once, before the first Attach
  std::function<absl::StatusOr<v1::SymbolizerResponse>(const v1::SymbolizerRequest&)> symbolize;
  BuildEvent build_event;
  std::function<std::vector<v1::Check>()> checks;  // for Status; called once
  std::function<absl::Time()> now;                 // monotonic; default: CLOCK_BOOTTIME
  std::shared_ptr<sink::SinkSet> sinks;            // beside the live streams; may be null
  // Calls back, from any thread, whenever processes may have come or gone, until what it returns is destroyed. Null, or
  // a null answer: they are looked for all the time.
  std::function<std::shared_ptr<ProcessWatch>(std::function<void()>)> watch_processes;
};

struct StreamHandle {
  std::shared_ptr<sink::EventStream> events;
  std::vector<std::string> owned;  // interactive logpoints that end with this stream
};

// Thread-safe.
class Engine {
 public:
  Engine(EngineOptions options, EngineSeams seams);
  ~Engine();

  // Before Start: goes on with the logpoints of an earlier dlogd, and keeps `journal` up to date from now on. Returns
  // lines for the log: what was not taken up, and why.
  std::vector<std::string> Restore(std::unique_ptr<Journal> journal, const SavedState& state);
  // Loads the BPF programs now instead of with the first logpoint.
  absl::Status Start();
  // Detaches everything, ends all streams, refuses new logpoints; those of the journal stay there. Idempotent; the
  // destructor does it too.
  void Stop();

  // Returns once the owner thread has answered: proof of life for a watchdog.
  void Touch() {
    owner_->Run([] {});
  }

  absl::StatusOr<v1::LogpointState> Add(const v1::AddRequest& request);
  // Final states. NotFound when one of `ids` does not exist; then none is removed.
  absl::StatusOr<std::vector<v1::LogpointState>> Remove(const std::vector<std::string>& ids, bool all);
  // Their new states. NotFound when one of `ids` does not exist, FailedPrecondition when one has ended; then nothing is
  // changed. Resume attaches to what the target is now; when that fails the logpoint is pending, with the reason.
  absl::StatusOr<std::vector<v1::LogpointState>> Pause(const std::vector<std::string>& ids);
  absl::StatusOr<std::vector<v1::LogpointState>> Resume(const std::vector<std::string>& ids);
  std::vector<v1::LogpointState> List() const;
  absl::StatusOr<v1::DescribeResponse> Describe(const std::string& id) const;
  absl::StatusOr<v1::ResolvedLogpoint> Explain(const v1::LogpointSpec& spec, bool all_variables);
  absl::StatusOr<v1::FileLines> Lines(const v1::Target& target, const std::string& file);
  absl::StatusOr<v1::BuildsResponse> Builds(const v1::Target& target) const { return preparer_.Builds(target); }
  // The whole plan that a logpoint is attached by, as AddRequest.known takes it; nothing when there is none (yet).
  std::optional<v1::ResolvedLogpoint> ResolvedOf(const std::string& id) const;
  v1::StatusResponse Status();
  metrics::MetricsSnapshot Metrics() const;
  const std::string& host() const { return options_.host; }

  // Every event from now on, and those since Add of an interactive logpoint. Empty `ids`: all logpoints.
  absl::StatusOr<StreamHandle> OpenStream(const std::set<std::string>& ids);
  void CloseStream(const StreamHandle& stream);

 private:
  // Owner thread.
  absl::Status EnsureAttacher();
  // `before` is the parked logpoint that goes on, or null for a new one.
  absl::StatusOr<v1::LogpointState> Attach(std::unique_ptr<Prepared> prepared, const v1::AddRequest& request,
                                           const std::shared_ptr<Logpoint>& before);
  absl::StatusOr<v1::LogpointState> AddParked(const v1::AddRequest& request, const std::string& reason);
  absl::Status CheckRoom() const;
  absl::Status CheckName(const std::string& name) const;  // any thread
  // The id of a new logpoint: `wanted`, or the next number.
  absl::StatusOr<std::string> NewId(const std::string& wanted);
  void CloseProbes(const std::vector<std::shared_ptr<Logpoint>>& logpoints);
  void Park(const std::shared_ptr<Logpoint>& logpoint, const std::string& state, const std::string& reason);
  absl::StatusOr<std::vector<std::shared_ptr<Logpoint>>> FindLive(const std::vector<std::string>& ids) const;
  void Put(const Logpoint& logpoint, bool paused);
  void Append(const std::vector<v1::StateEntry>& entries);
  void SaveCounts();
  void End(const std::vector<std::shared_ptr<Logpoint>>& logpoints, const std::string& state,
           const std::string& reason);
  void Forget(const std::string& id);
  // Returns when it wants to be called again.
  absl::Duration Tick();
  void PurgeEnded(absl::Time now);

  // Watch thread (engine_watch.cc).
  struct Watched {
    std::string failed_print;  // what could not be attached to
    absl::Time next_try = absl::InfinitePast();
  };
  void WatchLoop();
  // How long nothing need be looked at unless something changes.
  absl::Duration WatchOnce();
  void ProcessesChanged() ABSL_LOCKS_EXCLUDED(watch_mutex_);
  // Owner thread: as long as every logpoint names its process, no other one matters.
  void NarrowProcessWatch();
  // Owner thread: whether it is worth to ask each process for its end at this tick.
  bool LookForExits();
  // `print`: what its target is now.
  void Watch(const std::shared_ptr<Logpoint>& logpoint, const std::string& print);
  bool Reattach(const std::shared_ptr<Logpoint>& logpoint);

  const EngineOptions options_;
  const EngineSeams seams_;
  Preparer preparer_;
  Registry registry_;
  sink::StreamHub hub_;
  metrics::DurationHistogram latency_;
  std::atomic<bool> stopping_{false};

  // Owner thread; other threads read attacher_ once it is set.
  std::unique_ptr<Attacher> attacher_owned_;
  std::atomic<Attacher*> attacher_{nullptr};
  std::unique_ptr<DrainThread> drain_;
  std::unique_ptr<BudgetKeeper> budget_;
  uint64_t last_id_ = 0;
  std::unique_ptr<Journal> journal_;
  bool journal_failed_ = false;         // has been told
  std::atomic<bool> hit_limit_{false};  // a logpoint may have reached its own
  absl::Time next_save_ = absl::InfinitePast();
  absl::Time next_end_ = absl::InfinitePast();   // of a logpoint, as far as it can be foreseen
  absl::Time last_look_ = absl::InfinitePast();  // at all of them, of BootTime()
  std::map<std::string, uint64_t> saved_hits_;

  Mutex checks_mutex_;
  bool checked_ ABSL_GUARDED_BY(checks_mutex_) = false;
  std::vector<v1::Check> checks_ ABSL_GUARDED_BY(checks_mutex_);

  Mutex watch_mutex_;
  bool watch_stopping_ ABSL_GUARDED_BY(watch_mutex_) = false;
  // A process that has begun maps its libraries a little later, one that ends is gone a little later: a change is worth
  // several looks.
  std::atomic<bool> told_of_changes_{false};
  int looks_due_ ABSL_GUARDED_BY(watch_mutex_) = 0;
  std::atomic<int> exit_looks_due_{0};
  int ticks_without_exit_look_ = 0;                     // owner thread
  std::shared_ptr<ProcessWatch> process_events_;        // set by the owner thread, before told_of_changes_
  std::optional<std::set<int32_t>> watched_processes_;  // owner thread; what process_events_ was told last
  std::map<std::string, Watched> watched_;              // watch thread; those that could not be attached
  std::unique_ptr<OwnerThread> owner_;                  // its tick uses everything above
  std::thread watch_;                                   // last: uses everything above
};

}  // namespace dlog::daemon
