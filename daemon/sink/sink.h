// SPDX-License-Identifier: Apache-2.0
//
// Where events go. A sink never blocks the drain thread: what it cannot take at once is lost and counted.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "daemon/event/batch.h"

namespace dlog::sink {

using event::BatchPtr;
using event::EventPtr;

struct SinkCounters {
  uint64_t events = 0;                      // delivered
  std::map<std::string, uint64_t> dropped;  // by reason
};

class Sink {
 public:
  virtual ~Sink() = default;
  // For the `sink` label of the metrics: "stdout", "stream".
  virtual const std::string& name() const = 0;
  // Thread: the drain thread. Never blocks.
  virtual void Publish(const BatchPtr& batch) = 0;
  // Delivers what it still can, within its own limit of time, and drops the rest. Nothing is published afterwards.
  virtual void Finish() {}
  // From any thread.
  virtual SinkCounters Counters() const = 0;
};

}  // namespace dlog::sink
