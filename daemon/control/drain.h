// SPDX-License-Identifier: Apache-2.0
//
// The drain thread: ring -> event -> sinks.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "daemon/base/mutex.h"
#include "daemon/control/attacher.h"
#include "daemon/control/registry.h"
#include "daemon/metrics/histogram.h"
#include "daemon/sink/sink.h"

namespace dlog::daemon {

// pipeline::EventBuilder::Build, or what a test puts in its place.
using BuildEvent =
    std::function<absl::Status(const pipeline::LogpointContext& context, size_t site, const dlog_record& header,
                               std::span<const uint8_t> segments, v1::Event* event)>;

struct DrainSeams {
  Attacher* attacher = nullptr;
  const Registry* registry = nullptr;
  BuildEvent build;  // called on the drain thread only
  std::vector<sink::Sink*> sinks;
  metrics::DurationHistogram* latency = nullptr;  // hit to sinks
  std::function<void()> on_hit_limit;             // a logpoint may have reached its hit limit; must not block
};

// Runs from construction to destruction; reads the ring only while somebody uses it.
class DrainThread {
 public:
  explicit DrainThread(DrainSeams seams);
  ~DrainThread();

  // The ring is read between the two. Any thread; they nest.
  void AddUser() ABSL_LOCKS_EXCLUDED(mutex_);
  void RemoveUser() ABSL_LOCKS_EXCLUDED(mutex_);
  // Returns when no record is half way between its logpoint's account and the sinks.
  void Barrier() ABSL_LOCKS_EXCLUDED(record_mutex_);

 private:
  void Run();
  void OnRecord(uint64_t batch, const attach::RawRecord& record) ABSL_LOCKS_EXCLUDED(record_mutex_);
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || users_ > 0; }

  const DrainSeams seams_;

  Mutex mutex_;
  int users_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  Mutex record_mutex_;  // held while one record is worked on

  std::thread thread_;  // last: starts when everything above exists
};

}  // namespace dlog::daemon
