// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/event/storage.h"
#include "daemon/event/value.h"
#include "event.pb.h"
#include "logpoint.pb.h"

namespace dlog::event {

// What all events of one site of a logpoint have in common.
struct Source {
  std::string_view logpoint;
  v1::LogpointKind kind = v1::KIND_UNSPECIFIED;
  v1::Level level = v1::LEVEL_UNSPECIFIED;
  std::string_view file;
  uint32_t line = 0;
  std::string_view function;
  bool inlined = false;
  std::string_view build_id;  // hex
  std::string_view host;
  std::vector<std::string_view> tags;
};

struct Loss {
  std::string_view reason;
  uint64_t count = 0;
};

// One hit as people and sinks see it; the fields are those of v1::Event. Everything it refers to belongs to its batch.
struct Event {
  explicit Event(const Source* from) : source(from) {}

  const Source* source;  // never null
  int64_t time_unix_ns = 0;
  int32_t pid = 0;
  int32_t tid = 0;
  std::string_view message;
  std::string_view comm;
  std::string_view exe;
  std::string_view container_id, pod_uid;  // empty: none is known
  ValueList values;
  uint64_t hits_since_last = 0;
  std::vector<Loss> lost_since_last;
  double throttle_factor = 0;

  std::string_view logpoint() const { return source->logpoint; }
};

// Shared by all sinks and streams; never changed after it was published. Holds the whole batch.
using EventPtr = std::shared_ptr<const Event>;

// Events that were made one after the other, and their memory. Thread-compatible; immutable once published.
class Batch {
 public:
  Storage& storage() { return storage_; }
  const std::vector<Event>& events() const { return events_; }
  bool empty() const { return events_.empty(); }
  size_t size() const { return events_.size(); }
  // Of memory held, roughly.
  size_t bytes() const { return storage_.bytes() + events_.capacity() * sizeof(Event) + sizeof(*this); }
  // Of it, what is in use.
  size_t filled_bytes() const { return storage_.filled_bytes() + events_.size() * sizeof(Event) + sizeof(*this); }
  size_t bytes_per_event() const { return events_.empty() ? 0 : bytes() / events_.size(); }

  // Valid until the next Add. `source` is one of this batch.
  Event* Add(const Source* source) { return &events_.emplace_back(source); }
  Event* last() { return &events_.back(); }
  Event* at(size_t i) { return &events_[i]; }
  // Those for which `keep(i)`, i of the i-th event, is false go.
  template <typename Keep>
  void Filter(Keep keep) {
    size_t kept = 0;
    for (size_t i = 0; i < events_.size(); ++i) {
      if (!keep(i)) continue;
      if (kept != i) events_[kept] = std::move(events_[i]);
      ++kept;
    }
    events_.erase(events_.begin() + static_cast<std::ptrdiff_t>(kept), events_.end());
  }

  // Stays where it is. The two keys are whatever FindSource is to find it by.
  Source* AddSource(const void* logpoint = nullptr, const void* site = nullptr);
  // Null when there is none yet.
  const Source* FindSource(const void* logpoint, const void* site) const;
  // `owner` lives as long as the batch: what events refer to.
  void Keep(const std::shared_ptr<const void>& owner) {
    if (owners_.empty() || owners_.back() != owner) owners_.push_back(owner);
  }
  // Ends all events; keeps memory.
  void Clear();

 private:
  Storage storage_;
  struct KeyedSource {
    const void* logpoint;
    const void* site;
    Source source;
  };
  std::vector<std::unique_ptr<KeyedSource>> sources_;
  std::vector<Event> events_;
  std::vector<std::shared_ptr<const void>> owners_;
};

using BatchPtr = std::shared_ptr<const Batch>;

// The i-th event of `batch`.
inline EventPtr EventOf(const BatchPtr& batch, size_t i) { return {batch, &batch->events()[i]}; }

}  // namespace dlog::event
