// SPDX-License-Identifier: Apache-2.0
//
// Items of many streams in the order of their times, as far as waiting a little can bring it about.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "control.pb.h"

namespace dlog::cli {

struct NodeItem {
  size_t node = 0;
  v1::StreamItem item;  // never a list: its events come one by one
  bool more = false;    // the next item is at hand: Next will not wait for it
  absl::Status broken;  // not OK: nothing else comes from this node, while others go on
};

// Holds each item back for `hold` after its arrival, so that an item of another node that is older and arrives within
// that time comes out before it. Items without a time of their own (losses, ends) stay behind those that their node has
// sent before. Nothing is lost: what arrives too late comes out late. Not thread-safe.
class EventOrder {
 public:
  explicit EventOrder(absl::Duration hold) : hold_(hold) {}

  void Push(NodeItem item, absl::Time now);
  // The next item whose turn it is at `now`; with `all` whatever its age.
  std::optional<NodeItem> Pop(absl::Time now, bool all);
  // When Pop has something; InfiniteFuture when nothing is held.
  absl::Time NextDue() const;
  size_t size() const { return heap_.size(); }

 private:
  struct Held {
    int64_t time_ns = 0;
    uint64_t sequence = 0;  // of arrival
    NodeItem item;
  };
  struct Later {
    bool operator()(const Held& a, const Held& b) const {
      return a.time_ns != b.time_ns ? a.time_ns > b.time_ns : a.sequence > b.sequence;
    }
  };
  struct Arrival {
    absl::Time due;
    bool out = false;  // its item has come out
  };

  const absl::Duration hold_;
  std::vector<Held> heap_;        // the oldest in front
  std::deque<Arrival> arrivals_;  // by sequence, from first_sequence_ on; the first is not out
  std::vector<int64_t> last_ns_;  // by node: of its latest event
  uint64_t first_sequence_ = 0;
  uint64_t next_sequence_ = 0;
};

}  // namespace dlog::cli
