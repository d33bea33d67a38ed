// SPDX-License-Identifier: Apache-2.0
//
// A mutex with conditions, annotated for clang's -Wthread-safety. Built on the standard library and not on absl::Mutex,
// because ThreadSanitizer does not see through the distribution's uninstrumented Abseil and would report every use.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

namespace dlog {

class ABSL_LOCKABLE Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() { mutex_.lock(); }
  // Wakes those who await a condition: whatever was changed under the lock may have made it true. Before unlocking,
  // because a waiter may destroy the mutex as soon as it holds it.
  void Unlock() ABSL_UNLOCK_FUNCTION() {
    if (waiters_ > 0) changed_.notify_all();
    mutex_.unlock();
  }

  // Returns with `ready()` true, which is called under the lock.
  template <typename Predicate>
  void Await(Predicate ready) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock<std::mutex> lock(mutex_, std::adopt_lock);
    ++waiters_;
    changed_.wait(lock, ready);
    --waiters_;
    lock.release();
  }

  // Returns `ready()`, after at most `timeout`.
  template <typename Predicate>
  bool AwaitFor(absl::Duration timeout, Predicate ready) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock<std::mutex> lock(mutex_, std::adopt_lock);
    ++waiters_;
    const bool result = changed_.wait_for(lock, absl::ToChronoNanoseconds(timeout), ready);
    --waiters_;
    lock.release();
    return result;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int waiters_ = 0;  // guarded by mutex_
};

class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex* mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex) : mutex_(mutex) { mutex_->Lock(); }
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mutex_->Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex* const mutex_;
};

}  // namespace dlog
