// SPDX-License-Identifier: Apache-2.0
//
// The drain thread: ring -> events -> sinks. Events go on in batches: all that one look at the ring found, or as many
// as are worth one lock.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "daemon/base/mutex.h"
#include "daemon/control/attacher.h"
#include "daemon/control/registry.h"
#include "daemon/event/batch.h"
#include "daemon/metrics/histogram.h"
#include "daemon/sink/sink.h"

namespace dlog::daemon {

// pipeline::EventBuilder::Build, or what a test puts in its place: appends one event, or none when it fails.
using BuildEvent =
    std::function<absl::Status(const pipeline::LogpointContext& context, size_t site, const dlog_record& header,
                               std::span<const uint8_t> segments, event::Batch* batch)>;

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
  // Returns when no event is half way between its logpoint's account and the sinks.
  void Barrier() ABSL_LOCKS_EXCLUDED(publish_mutex_);

 private:
  void Run();
  // Decodes a record into batch_; publishes that when it is full.
  void OnRecord(const attach::RawRecord& record) ABSL_LOCKS_EXCLUDED(publish_mutex_);
  // The events of batch_ go into their logpoints' accounts and to the sinks.
  void PublishBatch() ABSL_LOCKS_EXCLUDED(publish_mutex_);
  const RecordOwner& OwnerOf(const dlog_record& header);
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || users_ > 0; }

  const DrainSeams seams_;

  Mutex mutex_;
  int users_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  Mutex publish_mutex_;  // held while events are between account and sinks

  // Drain thread only.
  struct Decoded {
    Logpoint* logpoint;  // one of owners_
    uint64_t boot_ns;
  };
  uint64_t polls_ = 0;
  const std::shared_ptr<class BatchPool> pool_;
  std::shared_ptr<event::Batch> batch_;
  size_t batch_bytes_ = 0;                         // that a batch needs
  std::vector<Decoded> decoded_;                   // of each event of batch_
  std::vector<std::shared_ptr<Logpoint>> owners_;  // of the events of batch_
  RecordOwner owner_;                              // of the last record
  uint32_t owner_site_ = 0;
  uint32_t owner_generation_ = 0;
  uint64_t owner_version_ = 0;

  std::thread thread_;  // last: starts when everything above exists
};

}  // namespace dlog::daemon
