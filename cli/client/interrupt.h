// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <signal.h>

#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "daemon/base/mutex.h"

namespace dlog::cli {

// Keeps SIGINT, SIGTERM and SIGHUP from ending the process; gives them to a thread instead. Make one before any other
// thread exists: threads inherit the mask. A second signal, half a
// second later or more, ends the process at once.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();

  // What the first signal does, on the thread of this object; replaces what was set before. Runs at once when the
  // signal has come already. Waits for an action that is running: when it returns, nothing uses what that one used.
  void OnSignal(const std::function<void()>& action) ABSL_LOCKS_EXCLUDED(mutex_);
  bool seen() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run();

  sigset_t signals_;
  sigset_t before_;
  mutable Mutex mutex_;
  std::function<void()> action_ ABSL_GUARDED_BY(mutex_);
  bool seen_ ABSL_GUARDED_BY(mutex_) = false;
  bool running_ ABSL_GUARDED_BY(mutex_) = false;  // the action: what it uses must not go
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: starts when everything above exists
};

}  // namespace dlog::cli
