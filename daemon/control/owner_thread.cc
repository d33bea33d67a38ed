// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/owner_thread.h"

#include <utility>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"

namespace dlog::daemon {

OwnerThread::OwnerThread(absl::Duration period, std::function<void()> on_tick)
    : period_(period), on_tick_(std::move(on_tick)), thread_([this] { Loop(); }) {}

OwnerThread::~OwnerThread() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

void OwnerThread::Run(const std::function<void()>& task) {
  absl::Notification done;
  {
    absl::MutexLock lock(&mutex_);
    tasks_.push_back([&task, &done] {
      task();
      done.Notify();
    });
  }
  done.WaitForNotification();
}

void OwnerThread::Poke() {
  absl::MutexLock lock(&mutex_);
  poked_ = true;
}

void OwnerThread::Loop() {
  absl::Time next_tick = absl::Now() + period_;
  while (true) {
    std::function<void()> task;
    bool tick = false;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.AwaitWithDeadline(absl::Condition(this, &OwnerThread::HasWork), next_tick);
      tick = std::exchange(poked_, false) || absl::Now() >= next_tick;
      if (!tasks_.empty()) {
        task = std::move(tasks_.front());
        tasks_.pop_front();
      } else if (stopping_) {
        return;
      }
    }
    if (task) task();
    if (tick) {
      on_tick_();
      next_tick = absl::Now() + period_;
    }
  }
}

}  // namespace dlog::daemon
