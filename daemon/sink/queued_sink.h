// SPDX-License-Identifier: Apache-2.0
//
// A bounded queue and a thread of its own in front of anything that takes events: the drain thread never waits for a
// peer, and a peer that stands still costs events, counted as "queue_full".
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "daemon/base/mutex.h"
#include "daemon/sink/sink.h"

namespace dlog::sink {

// Appends one event as one line, without the newline.
using LineFormat = std::function<void(const event::Event& event, event::Text* out)>;

// When the sink's thread has to give up. Thread-safe.
class StopSignal {
 public:
  // From now on there is `timeout` left.
  void Stop(absl::Duration timeout) ABSL_LOCKS_EXCLUDED(mutex_);
  bool PastDeadline() const ABSL_LOCKS_EXCLUDED(mutex_);
  // Waits for `duration`, or less when the deadline comes first. Returns !PastDeadline().
  bool Wait(absl::Duration duration) const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  mutable Mutex mutex_;
  absl::Time deadline_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
};

// Takes events somewhere. Every call comes from the one thread of the sink.
class Transport {
 public:
  virtual ~Transport() = default;
  // Accounts for every event of `batch` in `outcome` (delivered, or dropped by reason). May take as long as the peer
  // does, but returns soon after `stop` is past its deadline.
  virtual void Deliver(const std::vector<EventPtr>& batch, const StopSignal& stop, SinkCounters* outcome) = 0;
  // About once a second, whether or not there are events.
  virtual void Idle() {}
};

struct QueueOptions {
  size_t events = 200000;
  size_t bytes = size_t{64} << 20;  // of events in memory, roughly
  size_t batch = 256;               // events in one Deliver, at most
  // How long Finish() and the destructor may still deliver what is queued; the rest is dropped as "shutdown".
  absl::Duration drain_timeout = absl::Seconds(1);
};

class QueuedSink : public Sink {
 public:
  QueuedSink(std::string name, std::unique_ptr<Transport> transport, QueueOptions options = {});
  ~QueuedSink() override;

  const std::string& name() const override { return name_; }
  void Publish(const BatchPtr& batch) override ABSL_LOCKS_EXCLUDED(mutex_);
  void Finish() override ABSL_LOCKS_EXCLUDED(mutex_);
  SinkCounters Counters() const override ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run();
  // Some events of one batch that was published.
  struct Queued {
    BatchPtr batch;
    size_t first = 0;
    size_t count = 0;
    size_t bytes_per_event = 0;
  };
  // The next events; empty when there are none. False at the end.
  bool Take(std::vector<EventPtr>* events) ABSL_LOCKS_EXCLUDED(mutex_);
  bool TakeQueued(std::vector<Queued>* taken) ABSL_LOCKS_EXCLUDED(mutex_);
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || !queue_.empty(); }

  const std::string name_;
  const QueueOptions options_;
  const std::unique_ptr<Transport> transport_;  // used by the thread only
  StopSignal stop_;

  std::vector<Queued> taken_;  // used by the thread only

  mutable Mutex mutex_;
  std::deque<Queued> queue_ ABSL_GUARDED_BY(mutex_);
  size_t events_ ABSL_GUARDED_BY(mutex_) = 0;  // in the queue
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  SinkCounters counters_ ABSL_GUARDED_BY(mutex_);

  std::thread thread_;  // last: starts when everything above exists
};

// `more` is added to `sum`.
void AddCounters(const SinkCounters& more, SinkCounters* sum);

}  // namespace dlog::sink
