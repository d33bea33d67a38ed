// SPDX-License-Identifier: Apache-2.0
//
// The sinks of the configuration as one sink, changeable while events flow.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "daemon/base/mutex.h"
#include "daemon/sink/sink.h"

namespace dlog::sink {

// Thread-safe.
class SinkSet : public Sink {
 public:
  using Sinks = std::vector<std::shared_ptr<Sink>>;

  explicit SinkSet(Sinks sinks = {}) : sinks_(std::move(sinks)) {}

  const std::string& name() const override { return name_; }
  void Publish(const BatchPtr& batch) override ABSL_LOCKS_EXCLUDED(mutex_);
  // The sum over all sinks, those that are gone included.
  SinkCounters Counters() const override ABSL_LOCKS_EXCLUDED(mutex_);

  // Later events go to these. A sink that is in both sets goes on undisturbed; one that is not any more is ended here
  // (which may take its drain timeout) and its counts are kept under its name.
  void Replace(Sinks sinks) ABSL_LOCKS_EXCLUDED(mutex_);

  // By name; a name that was used by several sinks in turn has the sum, so that counters never go back.
  std::map<std::string, SinkCounters> CountersByName() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  const std::string name_ = "sinks";
  mutable Mutex mutex_;
  Sinks sinks_ ABSL_GUARDED_BY(mutex_);
  Sinks retiring_ ABSL_GUARDED_BY(mutex_);  // get nothing more, but still deliver
  std::map<std::string, SinkCounters> retired_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dlog::sink
