// SPDX-License-Identifier: Apache-2.0
#include "daemon/sink/stream_hub.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "test/catch.h"
#include "test/unit/daemon/sink/events.h"

namespace dlog::sink {
namespace {

BatchPtr Event(const std::string& id, const std::string& text) {
  v1::Event event = MessageEvent(text);
  event.set_logpoint(id);
  return BatchOf({event});
}

v1::LogpointState Ended(const std::string& id) {
  v1::LogpointState state;
  state.mutable_spec()->set_id(id);
  state.set_state("finished");
  return state;
}

// Everything that can be taken right now: messages, "dropped N", "ended ID", and "end" when the stream is over.
std::vector<std::string> Take(EventStream* stream) {
  std::vector<std::string> out;
  StreamEntry entry;
  while (true) {
    switch (stream->Pop(absl::ZeroDuration(), &entry)) {
      case EventStream::Result::kTimeout:
        return out;
      case EventStream::Result::kEnd:
        out.push_back("end");
        return out;
      case EventStream::Result::kEntry:
        if (entry.event != nullptr) out.emplace_back(entry.event->message);
        if (entry.dropped != 0) out.push_back("dropped " + std::to_string(entry.dropped));
        if (entry.ended != nullptr) out.push_back("ended " + entry.ended->spec().id());
    }
  }
}

using Entries = std::vector<std::string>;

TEST_CASE("a stream gets the logpoints it named, and an unnamed one all") {
  StreamHub hub;
  auto one = hub.Open({"lp-1"});
  auto all = hub.Open({});
  hub.Publish(Event("lp-1", "a"));
  hub.Publish(Event("lp-2", "b"));
  CHECK(Take(one.get()) == Entries{"a"});
  CHECK(Take(all.get()) == Entries{"a", "b"});
}

TEST_CASE("of a batch a stream takes what it wants and has room for, in order") {
  StreamHub hub;
  StreamLimits two;
  two.events = 2;
  auto slow = hub.Open({"lp-1"}, two);
  auto all = hub.Open({});
  std::vector<v1::Event> events;
  for (const char* text : {"a", "b", "c", "d"}) {
    events.push_back(MessageEvent(text));
    events.back().set_logpoint(events.size() == 2 ? "lp-2" : "lp-1");
  }
  CHECK(hub.Counters().dropped.at("slow_reader") == 0);  // told before the first loss
  hub.Publish(BatchOf(events));
  CHECK(Take(slow.get()) == Entries{"a", "c", "dropped 1"});
  CHECK(Take(all.get()) == Entries{"a", "b", "c", "d"});
  CHECK(hub.Counters().events == 6);
}

TEST_CASE("a slow reader loses events where it was slow and other readers do not") {
  StreamHub hub;
  StreamLimits two;
  two.events = 2;
  auto slow = hub.Open({}, two);
  auto fast = hub.Open({});
  for (const char* text : {"a", "b", "c", "d"}) hub.Publish(Event("lp-1", text));
  StreamEntry first;
  REQUIRE(slow->Pop(absl::ZeroDuration(), &first) == EventStream::Result::kEntry);
  hub.Publish(Event("lp-1", "e"));
  CHECK(first.event->message == "a");
  CHECK(Take(slow.get()) == Entries{"b", "dropped 2", "e"});
  CHECK(Take(fast.get()) == Entries{"a", "b", "c", "d", "e"});
  CHECK(hub.Counters().dropped.at("slow_reader") == 2);
  CHECK(hub.Counters().events == 8);
}

TEST_CASE("the byte limit of a stream counts") {
  StreamHub hub;
  StreamLimits limits;
  limits.bytes = BatchOf({MessageEvent(std::string(900, 'x'))})->bytes_per_event() * 3 / 2;
  auto stream = hub.Open({}, limits);
  hub.Publish(Event("lp-1", std::string(900, 'x')));
  hub.Publish(Event("lp-1", std::string(900, 'y')));
  CHECK(Take(stream.get()) == Entries{std::string(900, 'x'), "dropped 1"});
}

TEST_CASE("events between the logpoint's start and its first stream are replayed once") {
  StreamHub hub;
  hub.StartReplay("lp-1");
  hub.Publish(Event("lp-1", "early"));
  hub.Publish(Event("lp-2", "other"));
  auto everything = hub.Open({});  // does not name it: takes no replay
  auto named = hub.Open({"lp-1"});
  hub.Publish(Event("lp-1", "late"));
  auto second = hub.Open({"lp-1"});
  CHECK(Take(everything.get()) == Entries{"late"});
  CHECK(Take(named.get()) == Entries{"early", "late"});
  CHECK(Take(second.get()).empty());
}

TEST_CASE("a replay is bounded and tells its loss") {
  StreamHub hub;
  StreamLimits one;
  one.events = 1;
  hub.StartReplay("lp-1", one);
  for (const char* text : {"a", "b", "c"}) hub.Publish(Event("lp-1", text));
  auto stream = hub.Open({"lp-1"});
  CHECK(Take(stream.get()) == Entries{"a", "dropped 2"});
}

TEST_CASE("a stream ends behind the last event of its last logpoint") {
  StreamHub hub;
  auto two = hub.Open({"lp-1", "lp-2"});
  auto all = hub.Open({});
  hub.Publish(Event("lp-1", "a"));
  hub.End(Ended("lp-1"));
  CHECK(Take(two.get()) == Entries{"a", "ended lp-1"});
  hub.End(Ended("lp-2"));
  CHECK(Take(two.get()) == Entries{"ended lp-2", "end"});
  CHECK(Take(all.get()) == Entries{"a", "ended lp-1", "ended lp-2"});
}

TEST_CASE("an end is told even when the queue is full") {
  StreamHub hub;
  StreamLimits one;
  one.events = 1;
  auto stream = hub.Open({"lp-1"}, one);
  for (const char* text : {"a", "b"}) hub.Publish(Event("lp-1", text));
  hub.End(Ended("lp-1"));
  CHECK(Take(stream.get()) == Entries{"a", "dropped 1", "ended lp-1", "end"});
}

TEST_CASE("a logpoint that ended before its stream opened still delivers everything") {
  StreamHub hub;
  hub.StartReplay("lp-1");
  hub.Publish(Event("lp-1", "only"));
  hub.End(Ended("lp-1"));
  auto stream = hub.Open({"lp-1"});
  hub.TellEnded(stream, Ended("lp-1"));
  hub.TellEnded(stream, Ended("lp-1"));
  CHECK(Take(stream.get()) == Entries{"only", "ended lp-1", "end"});
}

TEST_CASE("a closed stream and a forgotten replay get nothing") {
  StreamHub hub;
  auto stream = hub.Open({});
  hub.Close(stream);
  hub.StartReplay("lp-1");
  hub.Forget("lp-1");
  hub.Publish(Event("lp-1", "a"));
  CHECK(Take(stream.get()).empty());
  CHECK(Take(hub.Open({"lp-1"}).get()).empty());
}

TEST_CASE("shutdown ends streams, open and to come") {
  StreamHub hub;
  auto stream = hub.Open({});
  hub.Shutdown();
  CHECK(Take(stream.get()) == Entries{"end"});
  CHECK(Take(hub.Open({}).get()) == Entries{"end"});
}

TEST_CASE("readers come and go while events are published") {
  StreamHub hub;
  std::atomic<bool> stop{false};
  std::thread publisher([&] {
    for (int i = 0; !stop; ++i) hub.Publish(Event("lp-1", std::to_string(i)));
  });
  for (int i = 0; i < 50; ++i) {
    auto stream = hub.Open({"lp-1"});
    StreamEntry entry;
    REQUIRE(stream->Pop(absl::Seconds(10), &entry) == EventStream::Result::kEntry);
    hub.Close(stream);
  }
  stop = true;
  publisher.join();
}

}  // namespace
}  // namespace dlog::sink
