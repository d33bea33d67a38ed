// SPDX-License-Identifier: Apache-2.0
#include "daemon/sink/sink_set.h"

#include <algorithm>
#include <iterator>

#include "daemon/sink/queued_sink.h"

namespace dlog::sink {

// Under the lock, so that no event reaches a sink after Replace() has read its last counts: Publish never waits.
void SinkSet::Publish(const BatchPtr& batch) {
  MutexLock lock(&mutex_);
  for (const auto& sink : sinks_) sink->Publish(batch);
}

SinkCounters SinkSet::Counters() const {
  SinkCounters sum;
  for (const auto& [name, counters] : CountersByName()) AddCounters(counters, &sum);
  return sum;
}

void SinkSet::Replace(Sinks sinks) {
  Sinks ending;
  {
    MutexLock lock(&mutex_);
    sinks_.swap(sinks);
    for (const auto& sink : sinks) {
      if (std::find(sinks_.begin(), sinks_.end(), sink) == sinks_.end()) ending.push_back(sink);
    }
    retiring_.insert(retiring_.end(), ending.begin(), ending.end());
  }
  for (const auto& sink : ending) {
    sink->Finish();
    MutexLock lock(&mutex_);
    AddCounters(sink->Counters(), &retired_[sink->name()]);
    retiring_.erase(std::find(retiring_.begin(), retiring_.end(), sink));
  }
}

std::map<std::string, SinkCounters> SinkSet::CountersByName() const {
  MutexLock lock(&mutex_);
  std::map<std::string, SinkCounters> out = retired_;
  for (const Sinks* sinks : {&sinks_, &retiring_}) {
    for (const auto& sink : *sinks) AddCounters(sink->Counters(), &out[sink->name()]);
  }
  return out;
}

}  // namespace dlog::sink
