// SPDX-License-Identifier: Apache-2.0
#include "daemon/sink/sink_set.h"

#include <atomic>
#include <thread>

#include "daemon/sink/queued_sink.h"
#include "test/catch.h"
#include "test/unit/daemon/sink/events.h"

namespace dlog::sink {
namespace {

class SlowTransport : public Transport {
 public:
  void Deliver(const std::vector<EventPtr>& batch, const StopSignal& stop, SinkCounters* outcome) override {
    if (stop.Wait(absl::Milliseconds(1)))
      outcome->events += batch.size();
    else
      outcome->dropped["shutdown"] += batch.size();
  }
};

std::shared_ptr<Sink> Slow(const std::string& name) {
  QueueOptions options;
  options.drain_timeout = absl::Seconds(20);
  return std::make_shared<QueuedSink>(name, std::make_unique<SlowTransport>(), options);
}

uint64_t Total(const SinkCounters& counters) {
  uint64_t total = counters.events;
  for (const auto& [reason, count] : counters.dropped) total += count;
  return total;
}

TEST_CASE("sinks that are exchanged while events flow lose none, and counters never go back") {
  const std::shared_ptr<Sink> stays = Slow("stays");
  SinkSet set({stays, Slow("other")});
  constexpr uint64_t kEvents = 5000;
  std::thread publisher([&set] {
    for (uint64_t i = 0; i < kEvents; ++i) set.Publish(MessageBatch("x"));
  });
  uint64_t seen = 0;
  for (int i = 0; i < 5; ++i) {
    set.Replace({stays, Slow("other")});
    const uint64_t now = Total(set.CountersByName().at("other"));
    CHECK(now >= seen);
    seen = now;
  }
  publisher.join();
  set.Replace({});
  CHECK(Total(set.CountersByName().at("stays")) == kEvents);
  CHECK(Total(set.CountersByName().at("other")) == kEvents);
  CHECK(set.Counters().events == 2 * kEvents);
}

TEST_CASE("what is queued when time is up is dropped and counted") {
  QueueOptions options;
  options.drain_timeout = absl::ZeroDuration();
  options.batch = 1;
  QueuedSink sink("slow", std::make_unique<SlowTransport>(), options);
  for (int i = 0; i < 1000; ++i) sink.Publish(MessageBatch("x"));
  sink.Finish();
  CHECK(Total(sink.Counters()) == 1000);
  CHECK(Dropped(sink, "shutdown") > 0);
}

}  // namespace
}  // namespace dlog::sink
