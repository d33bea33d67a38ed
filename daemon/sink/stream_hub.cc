// SPDX-License-Identifier: Apache-2.0
#include "daemon/sink/stream_hub.h"

#include <utility>

namespace dlog::sink {

EventStream::Result EventStream::Pop(absl::Duration timeout, StreamEntry* out, size_t* bytes) {
  MutexLock lock(&mutex_);
  mutex_.AwaitFor(timeout, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return Ready(); });
  if (queue_.empty()) return closed_ ? Result::kEnd : Result::kTimeout;
  *out = std::move(queue_.front().entry);
  if (out->event != nullptr) --events_;
  bytes_ -= queue_.front().bytes;
  if (bytes != nullptr) *bytes = queue_.front().bytes;
  queue_.pop_front();
  return Result::kEntry;
}

bool EventStream::Push(const EventPtr& event, size_t bytes) {
  MutexLock lock(&mutex_);
  return PushLocked(event, bytes);
}

void EventStream::Push(const BatchPtr& batch, uint64_t* taken, uint64_t* dropped) {
  const size_t bytes = batch->bytes_per_event();
  MutexLock lock(&mutex_);
  for (size_t i = 0; i < batch->size(); ++i) {
    if (!Wants(batch->events()[i].logpoint())) continue;
    ++*(PushLocked(event::EventOf(batch, i), bytes) ? taken : dropped);
  }
}

bool EventStream::PushLocked(const EventPtr& event, size_t bytes) {
  if (closed_) return false;
  if (events_ >= limits_.events || bytes_ + bytes > limits_.bytes) {
    AddDropped(1);
    return false;
  }
  ++events_;
  bytes_ += bytes;
  queue_.push_back({{event, 0, nullptr}, bytes});
  return true;
}

void EventStream::PushDropped(uint64_t count) {
  MutexLock lock(&mutex_);
  AddDropped(count);
}

void EventStream::AddDropped(uint64_t count) {
  if (!queue_.empty() && queue_.back().entry.dropped != 0) {
    queue_.back().entry.dropped += count;
  } else {
    queue_.push_back({{nullptr, count, nullptr}, 0});
  }
}

void EventStream::PushEnded(std::shared_ptr<const v1::LogpointState> state) {
  MutexLock lock(&mutex_);
  if (!ended_.insert(state->spec().id()).second) return;
  queue_.push_back({{nullptr, 0, std::move(state)}, 0});
  if (!ids_.empty() && ended_.size() == ids_.size()) closed_ = true;
}

void EventStream::Close() {
  MutexLock lock(&mutex_);
  closed_ = true;
}

void StreamHub::Publish(const BatchPtr& batch) {
  MutexLock lock(&mutex_);
  if (streams_.empty() && replays_.empty()) return;
  uint64_t taken = 0;
  uint64_t dropped = 0;
  for (const auto& stream : streams_) stream->Push(batch, &taken, &dropped);
  counters_.events += taken;
  if (dropped != 0) counters_.dropped["slow_reader"] += dropped;
  for (const auto& replay : replays_) replay.second->Push(batch, &taken, &dropped);  // counted when it is opened
}

SinkCounters StreamHub::Counters() const {
  MutexLock lock(&mutex_);
  SinkCounters counters = counters_;
  counters.dropped.try_emplace("slow_reader", 0);  // as every sink: the series exists before its first loss
  return counters;
}

void StreamHub::StartReplay(const std::string& id, StreamLimits limits) {
  MutexLock lock(&mutex_);
  replays_[id] = std::shared_ptr<EventStream>(new EventStream({id}, limits));
}

std::shared_ptr<EventStream> StreamHub::Open(const std::set<std::string>& ids, StreamLimits limits) {
  std::shared_ptr<EventStream> stream(new EventStream(ids, limits));
  MutexLock lock(&mutex_);
  if (shut_down_) stream->Close();
  for (const std::string& id : ids) {
    auto replay = replays_.find(id);
    if (replay == replays_.end()) continue;
    StreamEntry entry;
    size_t bytes = 0;
    while (replay->second->Pop(absl::ZeroDuration(), &entry, &bytes) == EventStream::Result::kEntry) {
      if (entry.dropped != 0) {
        stream->PushDropped(entry.dropped);
        counters_.dropped["slow_reader"] += entry.dropped;
      } else if (entry.event != nullptr && stream->Push(entry.event, bytes)) {
        ++counters_.events;
      }
    }
    replays_.erase(replay);
  }
  streams_.insert(stream);
  return stream;
}

void StreamHub::Close(const std::shared_ptr<EventStream>& stream) {
  MutexLock lock(&mutex_);
  streams_.erase(stream);
}

void StreamHub::End(const v1::LogpointState& state) {
  MutexLock lock(&mutex_);
  auto shared = std::make_shared<const v1::LogpointState>(state);
  for (const auto& stream : streams_) {
    if (stream->Wants(state.spec().id())) stream->PushEnded(shared);
  }
}

void StreamHub::TellEnded(const std::shared_ptr<EventStream>& stream, const v1::LogpointState& state) {
  stream->PushEnded(std::make_shared<const v1::LogpointState>(state));
}

void StreamHub::Forget(const std::string& id) {
  MutexLock lock(&mutex_);
  replays_.erase(id);
}

void StreamHub::Shutdown() {
  MutexLock lock(&mutex_);
  shut_down_ = true;
  for (const auto& stream : streams_) stream->Close();
}

}  // namespace dlog::sink
