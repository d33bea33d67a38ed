// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/owner_thread.h"

#include <algorithm>
#include <utility>

#include "daemon/base/boot_time.h"

namespace dlog::daemon {

OwnerThread::OwnerThread(absl::Duration period, std::function<absl::Duration()> on_tick)
    : period_(period), on_tick_(std::move(on_tick)), next_tick_(BootTime() + period), thread_([this] { Loop(); }) {}

OwnerThread::~OwnerThread() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

void OwnerThread::Run(const std::function<void()>& task) {
  bool done = false;
  MutexLock lock(&mutex_);
  tasks_.push_back([&] {
    task();
    MutexLock done_lock(&mutex_);
    done = true;
  });
  mutex_.Await([&done] { return done; });
}

void OwnerThread::Poke() {
  MutexLock lock(&mutex_);
  poked_ = true;
}

void OwnerThread::Hurry() {
  const absl::Time latest = BootTime() + period_;
  MutexLock lock(&mutex_);
  if (next_tick_ <= latest) return;
  next_tick_ = latest;
  hurried_ = true;
}

void OwnerThread::Loop() {
  while (true) {
    std::function<void()> task;
    bool tick = false;
    {
      MutexLock lock(&mutex_);
      mutex_.AwaitFor(next_tick_ - BootTime(), [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return HasWork(); });
      hurried_ = false;
      tick = std::exchange(poked_, false) || BootTime() >= next_tick_;
      if (tick) next_tick_ = absl::InfiniteFuture();
      if (!tasks_.empty()) {
        task = std::move(tasks_.front());
        tasks_.pop_front();
      } else if (stopping_) {
        return;
      }
    }
    if (task) task();
    if (tick) {
      const absl::Duration rest = std::max(on_tick_(), period_);
      MutexLock lock(&mutex_);
      next_tick_ = std::min(next_tick_, BootTime() + rest);
    }
  }
}

}  // namespace dlog::daemon
