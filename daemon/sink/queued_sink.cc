// SPDX-License-Identifier: Apache-2.0
#include "daemon/sink/queued_sink.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"

namespace dlog::sink {
namespace {

constexpr absl::Duration kIdlePeriod = absl::Seconds(1);

}  // namespace

void StopSignal::Stop(absl::Duration timeout) {
  MutexLock lock(&mutex_);
  deadline_ = absl::Now() + timeout;
}

bool StopSignal::PastDeadline() const {
  MutexLock lock(&mutex_);
  return absl::Now() > deadline_;
}

bool StopSignal::Wait(absl::Duration duration) const {
  const absl::Time until = absl::Now() + duration;
  MutexLock lock(&mutex_);
  while (absl::Now() < std::min(until, deadline_)) {
    const absl::Time deadline = deadline_;
    mutex_.AwaitFor(std::min(until, deadline) - absl::Now(),
                    [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return deadline_ != deadline; });
  }
  return absl::Now() <= deadline_;
}

void AddCounters(const SinkCounters& more, SinkCounters* sum) {
  sum->events += more.events;
  for (const auto& [reason, count] : more.dropped) sum->dropped[reason] += count;
}

QueuedSink::QueuedSink(std::string name, std::unique_ptr<Transport> transport, QueueOptions options)
    : name_(std::move(name)), options_(options), transport_(std::move(transport)), thread_([this] { Run(); }) {}

QueuedSink::~QueuedSink() { Finish(); }

void QueuedSink::Finish() {
  if (!thread_.joinable()) return;
  stop_.Stop(options_.drain_timeout);
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

void QueuedSink::Publish(const EventPtr& event) {
  const size_t bytes = event->ByteSizeLong();
  MutexLock lock(&mutex_);
  if (queue_.size() >= options_.events || bytes_ + bytes > options_.bytes) {
    ++counters_.dropped["queue_full"];
    return;
  }
  bytes_ += bytes;
  queue_.push_back({event, bytes});
}

SinkCounters QueuedSink::Counters() const {
  MutexLock lock(&mutex_);
  return counters_;
}

bool QueuedSink::Take(std::vector<EventPtr>* batch) {
  batch->clear();
  MutexLock lock(&mutex_);
  mutex_.AwaitFor(kIdlePeriod, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return HasWork(); });
  if (queue_.empty()) return !stopping_;
  if (stop_.PastDeadline()) {
    counters_.dropped["shutdown"] += queue_.size();
    return false;
  }
  while (!queue_.empty() && batch->size() < options_.batch) {
    bytes_ -= queue_.front().bytes;
    batch->push_back(std::move(queue_.front().event));
    queue_.pop_front();
  }
  return true;
}

void QueuedSink::Run() {
  std::vector<EventPtr> batch;
  absl::Time next_idle = absl::Now() + kIdlePeriod;
  while (Take(&batch)) {
    if (!batch.empty()) {
      SinkCounters outcome;
      transport_->Deliver(batch, stop_, &outcome);
      MutexLock lock(&mutex_);
      AddCounters(outcome, &counters_);
    }
    if (absl::Now() >= next_idle) {
      transport_->Idle();
      next_idle = absl::Now() + kIdlePeriod;
    }
  }
}

}  // namespace dlog::sink
