// SPDX-License-Identifier: Apache-2.0
//
// Live streams: every reader has a bounded queue of its own. A slow reader loses events, is told how many at the place
// where they are missing, and slows nobody else.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "control.pb.h"
#include "daemon/base/mutex.h"
#include "daemon/sink/sink.h"

namespace dlog::sink {

struct StreamLimits {
  size_t events = 10000;
  size_t bytes = 32 << 20;  // of events in memory, roughly
};

// Exactly one member is set.
struct StreamEntry {
  EventPtr event;
  uint64_t dropped = 0;                            // events missing here
  std::shared_ptr<const v1::LogpointState> ended;  // never dropped
};

// One reader. Filled by the hub, emptied by the thread of the call.
class EventStream {
 public:
  enum class Result { kEntry, kTimeout, kEnd };

  // Waits up to `timeout`. kEnd: every logpoint of this stream has ended and all entries were taken, or the hub closed.
  // `bytes`, when not null, is what the entry counted for in the queue.
  Result Pop(absl::Duration timeout, StreamEntry* out, size_t* bytes = nullptr) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  friend class StreamHub;

  EventStream(const std::set<std::string>& ids, StreamLimits limits) : ids_(ids.begin(), ids.end()), limits_(limits) {}
  bool Wants(std::string_view id) const { return ids_.empty() || ids_.find(id) != ids_.end(); }
  // The events of `batch` that this stream wants; adds those that were taken and those that were not to the two.
  void Push(const BatchPtr& batch, uint64_t* taken, uint64_t* dropped) ABSL_LOCKS_EXCLUDED(mutex_);
  // Returns whether the event was taken.
  bool Push(const EventPtr& event, size_t bytes) ABSL_LOCKS_EXCLUDED(mutex_);
  bool PushLocked(const EventPtr& event, size_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void PushDropped(uint64_t count) ABSL_LOCKS_EXCLUDED(mutex_);
  void PushEnded(std::shared_ptr<const v1::LogpointState> state) ABSL_LOCKS_EXCLUDED(mutex_);
  void Close() ABSL_LOCKS_EXCLUDED(mutex_);
  void AddDropped(uint64_t count) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Ready() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return closed_ || !queue_.empty(); }

  const std::set<std::string, std::less<>> ids_;  // empty: all logpoints
  const StreamLimits limits_;

  mutable Mutex mutex_;
  struct Queued {
    StreamEntry entry;
    size_t bytes = 0;
  };
  std::deque<Queued> queue_ ABSL_GUARDED_BY(mutex_);
  size_t events_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::set<std::string> ended_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

// Thread-safe. Publish is called by the drain thread and never waits for a reader.
class StreamHub : public Sink {
 public:
  StreamHub() = default;

  const std::string& name() const override { return name_; }
  void Publish(const BatchPtr& batch) override ABSL_LOCKS_EXCLUDED(mutex_);
  SinkCounters Counters() const override ABSL_LOCKS_EXCLUDED(mutex_);

  // Keeps the events of `id` from now until the first Open that names it takes them: an interactive client opens its
  // stream only after it has learnt the id, and must not miss what happened in between.
  void StartReplay(const std::string& id, StreamLimits limits = {}) ABSL_LOCKS_EXCLUDED(mutex_);

  // Every event from now on (and the replay of the named logpoints) is in the stream. Empty `ids`: all logpoints.
  std::shared_ptr<EventStream> Open(const std::set<std::string>& ids, StreamLimits limits = {})
      ABSL_LOCKS_EXCLUDED(mutex_);
  // The stream gets nothing more.
  void Close(const std::shared_ptr<EventStream>& stream) ABSL_LOCKS_EXCLUDED(mutex_);
  // After the last event of a logpoint: tells its streams. Streams whose logpoints have all ended end.
  void End(const v1::LogpointState& state) ABSL_LOCKS_EXCLUDED(mutex_);
  // The same for one stream, which may have been opened after End; hearing it twice does no harm.
  void TellEnded(const std::shared_ptr<EventStream>& stream, const v1::LogpointState& state);
  // Drops the replay of a logpoint that nobody can open a stream for any more.
  void Forget(const std::string& id) ABSL_LOCKS_EXCLUDED(mutex_);
  // Ends all streams, now and later.
  void Shutdown() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  const std::string name_ = "stream";
  mutable Mutex mutex_;
  std::set<std::shared_ptr<EventStream>> streams_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::shared_ptr<EventStream>> replays_ ABSL_GUARDED_BY(mutex_);
  bool shut_down_ ABSL_GUARDED_BY(mutex_) = false;
  SinkCounters counters_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dlog::sink
