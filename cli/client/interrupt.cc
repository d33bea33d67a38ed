// SPDX-License-Identifier: Apache-2.0
#include "cli/client/interrupt.h"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <utility>

namespace dlog::cli {
namespace {

constexpr int kExitInterrupted = 130;  // as shells report SIGINT
constexpr long kLookNs = 50'000'000;   // how often the thread looks whether it should end
// Signals that follow the first one faster than a person's second thought are the same request: timeout(1) sends each
// signal to the process and to its group.
constexpr std::chrono::milliseconds kSameRequest{500};

}  // namespace

Interrupt::Interrupt() {
  sigemptyset(&signals_);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals_, signal);
  pthread_sigmask(SIG_BLOCK, &signals_, &before_);
  thread_ = std::thread([this] { Run(); });
}

Interrupt::~Interrupt() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void Interrupt::OnSignal(const std::function<void()>& action) {
  {
    MutexLock lock(&mutex_);
    mutex_.Await([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !running_; });
    action_ = action;
    if (!seen_) return;
  }
  if (action) action();
}

bool Interrupt::seen() const {
  MutexLock lock(&mutex_);
  return seen_;
}

void Interrupt::Run() {
  std::chrono::steady_clock::time_point first;
  while (true) {
    const timespec wait{0, kLookNs};
    const int signal = sigtimedwait(&signals_, nullptr, &wait);
    std::function<void()> action;
    {
      MutexLock lock(&mutex_);
      if (stopping_) return;
      if (signal <= 0) continue;
      const auto now = std::chrono::steady_clock::now();
      if (seen_ && now - first < kSameRequest) continue;
      if (std::exchange(seen_, true)) _exit(kExitInterrupted);
      first = now;
      action = action_;
      running_ = true;
    }
    if (action) action();
    MutexLock lock(&mutex_);
    running_ = false;
  }
}

}  // namespace dlog::cli
