// SPDX-License-Identifier: Apache-2.0
#include "daemon/sink/queued_sink.h"

#include <algorithm>
#include <utility>

#include "daemon/base/boot_time.h"

namespace dlog::sink {
namespace {

constexpr absl::Duration kIdlePeriod = absl::Seconds(1);

}  // namespace

void StopSignal::Stop(absl::Duration timeout) {
  MutexLock lock(&mutex_);
  deadline_ = BootTime() + timeout;
}

bool StopSignal::PastDeadline() const {
  MutexLock lock(&mutex_);
  return BootTime() > deadline_;
}

bool StopSignal::Wait(absl::Duration duration) const {
  const absl::Time until = BootTime() + duration;
  MutexLock lock(&mutex_);
  while (BootTime() < std::min(until, deadline_)) {
    const absl::Time deadline = deadline_;
    mutex_.AwaitFor(std::min(until, deadline) - BootTime(),
                    [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return deadline_ != deadline; });
  }
  return BootTime() <= deadline_;
}

void AddCounters(const SinkCounters& more, SinkCounters* sum) {
  sum->events += more.events;
  for (const auto& [reason, count] : more.dropped) sum->dropped[reason] += count;
}

QueuedSink::QueuedSink(std::string name, std::unique_ptr<Transport> transport, QueueOptions options)
    : name_(std::move(name)), options_(options), transport_(std::move(transport)), thread_([this] { Run(); }) {}

QueuedSink::~QueuedSink() { QueuedSink::Finish(); }

void QueuedSink::Finish() {
  if (!thread_.joinable()) return;
  stop_.Stop(options_.drain_timeout);
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

void QueuedSink::Publish(const BatchPtr& batch) {
  const size_t bytes = std::max<size_t>(batch->bytes_per_event(), 1);
  MutexLock lock(&mutex_);
  const size_t room = std::min(options_.events - std::min(options_.events, events_),
                               (options_.bytes - std::min(options_.bytes, bytes_)) / bytes);
  const size_t taken = std::min(batch->size(), room);
  if (taken < batch->size()) counters_.dropped["queue_full"] += batch->size() - taken;
  if (taken == 0) return;
  bytes_ += taken * bytes;
  events_ += taken;
  queue_.push_back({batch, 0, taken, bytes});
}

SinkCounters QueuedSink::Counters() const {
  MutexLock lock(&mutex_);
  SinkCounters counters = counters_;
  counters.dropped.try_emplace("queue_full",
                               0);  // a series that exists before its first loss: rate() sees that one too
  return counters;
}

bool QueuedSink::TakeQueued(std::vector<Queued>* taken) {
  MutexLock lock(&mutex_);
  mutex_.AwaitFor(kIdlePeriod, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return HasWork(); });
  if (queue_.empty()) return !stopping_;
  if (stop_.PastDeadline()) {
    counters_.dropped["shutdown"] += events_;
    return false;
  }
  for (size_t count = 0; !queue_.empty() && count < options_.batch;) {
    Queued& front = queue_.front();
    const size_t part = std::min(front.count, options_.batch - count);
    taken->push_back({front.batch, front.first, part, front.bytes_per_event});
    count += part;
    events_ -= part;
    bytes_ -= part * front.bytes_per_event;
    front.first += part;
    front.count -= part;
    if (front.count == 0) queue_.pop_front();
  }
  return true;
}

bool QueuedSink::Take(std::vector<EventPtr>* events) {
  events->clear();
  taken_.clear();
  if (!TakeQueued(&taken_)) return false;
  for (const Queued& queued : taken_) {
    for (size_t i = 0; i < queued.count; ++i) events->push_back(event::EventOf(queued.batch, queued.first + i));
  }
  return true;
}

void QueuedSink::Run() {
  std::vector<EventPtr> batch;
  absl::Time next_idle = BootTime() + kIdlePeriod;
  while (Take(&batch)) {
    if (!batch.empty()) {
      SinkCounters outcome;
      transport_->Deliver(batch, stop_, &outcome);
      MutexLock lock(&mutex_);
      AddCounters(outcome, &counters_);
    }
    if (BootTime() >= next_idle) {
      transport_->Idle();
      next_idle = BootTime() + kIdlePeriod;
    }
  }
}

}  // namespace dlog::sink
