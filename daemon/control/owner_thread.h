// SPDX-License-Identifier: Apache-2.0
//
// The one thread that changes control state: everything that attaches or ends a logpoint runs here, one after the
// other.
#pragma once

#include <deque>
#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "daemon/base/mutex.h"

namespace dlog::daemon {

class OwnerThread {
 public:
  // `on_tick` runs on the thread when the time that it has asked for itself is over, but not more often than every
  // `period` unless poked.
  OwnerThread(absl::Duration period, std::function<absl::Duration()> on_tick);
  // Runs what was posted, then ends.
  ~OwnerThread();

  // Runs `task` on the thread and returns when it is done. Not from the thread itself.
  void Run(const std::function<void()>& task) ABSL_LOCKS_EXCLUDED(mutex_);
  // Never blocks for long.
  // A tick, soon.
  void Poke() ABSL_LOCKS_EXCLUDED(mutex_);
  // A tick, after `period` at the latest.
  void Hurry() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Loop();
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || poked_ || hurried_ || !tasks_.empty();
  }

  const absl::Duration period_;
  const std::function<absl::Duration()> on_tick_;

  Mutex mutex_;
  std::deque<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  bool poked_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Time next_tick_ ABSL_GUARDED_BY(mutex_);
  bool hurried_ ABSL_GUARDED_BY(mutex_) = false;  // next_tick_ is nearer than the thread knows
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread thread_;  // last: starts when everything above exists
};

}  // namespace dlog::daemon
