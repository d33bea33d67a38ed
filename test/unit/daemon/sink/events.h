// SPDX-License-Identifier: Apache-2.0
//
// Events, counters and scratch directories for tests of sinks.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "daemon/event/event_proto.h"
#include "daemon/sink/queued_sink.h"

namespace dlog::sink {

inline BatchPtr BatchOf(const std::vector<v1::Event>& events) {
  auto batch = std::make_shared<event::Batch>();
  for (const v1::Event& event : events) {
    auto kept = std::make_shared<v1::Event>(event);
    event::Event* made = event::FromProto(*kept, batch.get());
    made->message = batch->storage().Copy(made->message);  // so that the batch is as large as its messages
    batch->Keep(kept);
  }
  return batch;
}
inline EventPtr Shared(const v1::Event& event) { return event::EventOf(BatchOf({event}), 0); }

inline v1::Event MessageEvent(const std::string& text) {
  v1::Event event;
  event.set_message(text);
  return event;
}
inline EventPtr Message(const std::string& text) { return Shared(MessageEvent(text)); }
inline BatchPtr MessageBatch(const std::string& text) { return BatchOf({MessageEvent(text)}); }

inline void JustMessage(const event::Event& event, event::Text* out) { out->append(event.message); }

inline uint64_t DroppedOf(const SinkCounters& counters, const std::string& reason) {
  auto it = counters.dropped.find(reason);
  return it == counters.dropped.end() ? 0 : it->second;
}

inline uint64_t Dropped(const Sink& sink, const std::string& reason) { return DroppedOf(sink.Counters(), reason); }

inline std::vector<EventPtr> Messages(const std::vector<std::string>& texts) {
  std::vector<EventPtr> events;
  for (const std::string& text : texts) events.push_back(Message(text));
  return events;
}

inline std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

// Waits until `ready()`; false after 20 s.
template <typename Predicate>
bool Soon(Predicate ready) {
  for (int i = 0; i < 20000; ++i) {
    if (ready()) return true;
    absl::SleepFor(absl::Milliseconds(1));
  }
  return ready();
}

class ScratchDirectory {
 public:
  ScratchDirectory() { path_ = mkdtemp(name_); }
  ~ScratchDirectory() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  char name_[24] = "/tmp/dlog-sink.XXXXXX";
  std::string path_;
};

}  // namespace dlog::sink
