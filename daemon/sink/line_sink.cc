// SPDX-License-Identifier: Apache-2.0
#include "daemon/sink/line_sink.h"

#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/time/clock.h"

namespace dlog::sink {
namespace {

// Rechecks the deadline of a shutdown this often while the descriptor takes nothing.
constexpr int kPollMs = 50;

}  // namespace

LineSink::LineSink(std::string name, int fd, LineFormat format, LineSinkOptions options)
    : name_(std::move(name)), fd_(fd), format_(std::move(format)), options_(options), thread_([this] { Run(); }) {}

LineSink::~LineSink() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    deadline_ = absl::Now() + options_.drain_timeout;
  }
  thread_.join();
}

void LineSink::Publish(const EventPtr& event) {
  MutexLock lock(&mutex_);
  if (queue_.size() >= options_.queue_events) {
    ++counters_.dropped["queue_full"];
    return;
  }
  queue_.push_back(event);
}

SinkCounters LineSink::Counters() const {
  MutexLock lock(&mutex_);
  return counters_;
}

bool LineSink::PastDeadline() const {
  MutexLock lock(&mutex_);
  return absl::Now() > deadline_;
}

void LineSink::Run() {
  while (true) {
    EventPtr event;
    {
      MutexLock lock(&mutex_);
      mutex_.Await([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return HasWork(); });
      if (queue_.empty()) return;
      if (absl::Now() > deadline_) {
        counters_.dropped["shutdown"] += queue_.size();
        return;
      }
      event = std::move(queue_.front());
      queue_.pop_front();
    }
    const WriteResult result = WriteLine(format_(*event) + "\n");
    MutexLock lock(&mutex_);
    if (result == WriteResult::kDone) ++counters_.events;
    if (result == WriteResult::kFailed) ++counters_.dropped["write_error"];
    if (result == WriteResult::kStopped) ++counters_.dropped["shutdown"];
  }
}

// Pieces of at most PIPE_BUF, each after poll(2) saw room for it: the descriptor is shared (standard output), so it
// must not be made non-blocking, and a write that blocks for good would keep the daemon from ending.
LineSink::WriteResult LineSink::WriteLine(const std::string& line) {
  size_t done = 0;
  while (done < line.size()) {
    pollfd fd{fd_, POLLOUT, 0};
    const int ready = poll(&fd, 1, kPollMs);
    if (ready == 0 || (ready < 0 && errno == EINTR)) {
      if (PastDeadline()) return WriteResult::kStopped;
      continue;
    }
    const ssize_t written = write(fd_, line.data() + done, std::min<size_t>(line.size() - done, PIPE_BUF));
    if (written < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (written <= 0) return WriteResult::kFailed;
    done += static_cast<size_t>(written);
  }
  return WriteResult::kDone;
}

}  // namespace dlog::sink
