// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/owner_thread.h"

#include <utility>

#include "daemon/base/boot_time.h"

namespace dlog::daemon {

OwnerThread::OwnerThread(absl::Duration period, std::function<void()> on_tick)
    : period_(period), on_tick_(std::move(on_tick)), thread_([this] { Loop(); }) {}

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

void OwnerThread::Loop() {
  absl::Time next_tick = BootTime() + period_;
  while (true) {
    std::function<void()> task;
    bool tick = false;
    {
      MutexLock lock(&mutex_);
      mutex_.AwaitFor(next_tick - BootTime(), [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return HasWork(); });
      tick = std::exchange(poked_, false) || BootTime() >= next_tick;
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
      next_tick = BootTime() + period_;
    }
  }
}

}  // namespace dlog::daemon
