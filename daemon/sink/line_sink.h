// SPDX-License-Identifier: Apache-2.0
//
// Events as lines on a file descriptor, written by a thread of its own.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "daemon/base/mutex.h"
#include "daemon/sink/sink.h"

namespace dlog::sink {

// One event as one line, without the newline.
using LineFormat = std::function<std::string(const v1::Event&)>;

struct LineSinkOptions {
  size_t queue_events = 10000;
  // How long the destructor may still write what is queued.
  absl::Duration drain_timeout = absl::Seconds(1);
};

// Dropped reasons: "queue_full" (the descriptor is slower than the events), "write_error" (the reader is gone),
// "shutdown" (still queued after drain_timeout).
class LineSink : public Sink {
 public:
  // `fd` stays the caller's and must outlive the sink. SIGPIPE must be ignored by the process.
  LineSink(std::string name, int fd, LineFormat format, LineSinkOptions options = {});
  ~LineSink() override;

  const std::string& name() const override { return name_; }
  void Publish(const EventPtr& event) override ABSL_LOCKS_EXCLUDED(mutex_);
  SinkCounters Counters() const override ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  enum class WriteResult { kDone, kFailed, kStopped };

  void Run();
  WriteResult WriteLine(const std::string& line);
  bool PastDeadline() const ABSL_LOCKS_EXCLUDED(mutex_);
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || !queue_.empty(); }

  const std::string name_;
  const int fd_;
  const LineFormat format_;
  const LineSinkOptions options_;

  mutable Mutex mutex_;
  std::deque<EventPtr> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Time deadline_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  SinkCounters counters_ ABSL_GUARDED_BY(mutex_);

  std::thread thread_;  // last: starts when everything above exists
};

}  // namespace dlog::sink
