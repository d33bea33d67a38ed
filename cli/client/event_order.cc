// SPDX-License-Identifier: Apache-2.0
#include "cli/client/event_order.h"

#include <algorithm>
#include <utility>

namespace dlog::cli {

void EventOrder::Push(NodeItem item, absl::Time now) {
  if (item.node >= last_ns_.size()) last_ns_.resize(item.node + 1, INT64_MIN);
  int64_t& last = last_ns_[item.node];
  const int64_t time = item.item.has_event() ? item.item.event().time_unix_ns() : last;
  last = std::max(last, time);
  arrivals_.push_back({now + hold_});
  heap_.push_back({time, next_sequence_++, std::move(item)});
  std::push_heap(heap_.begin(), heap_.end(), Later());
}

absl::Time EventOrder::NextDue() const { return arrivals_.empty() ? absl::InfiniteFuture() : arrivals_.front().due; }

std::optional<NodeItem> EventOrder::Pop(absl::Time now, bool all) {
  // One that is due takes everything older with it.
  if (heap_.empty() || (!all && now < NextDue())) return std::nullopt;
  std::pop_heap(heap_.begin(), heap_.end(), Later());
  Held held = std::move(heap_.back());
  heap_.pop_back();
  arrivals_[held.sequence - first_sequence_].out = true;
  for (; !arrivals_.empty() && arrivals_.front().out; ++first_sequence_) arrivals_.pop_front();
  return std::move(held.item);
}

}  // namespace dlog::cli
