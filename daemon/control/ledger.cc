// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/ledger.h"

#include <algorithm>
#include <utility>

namespace dlog::daemon {
namespace {

constexpr const char* kDropLabels[] = {
#define DROP(name, label, meaning) label,
#include "bpf/drop_reasons.def"
#undef DROP
};

// What is new since it was last told; marks it as told.
uint64_t Tell(uint64_t now, uint64_t* told) { return now - std::exchange(*told, now); }

void AddLoss(const char* reason, uint64_t count, event::Event* event) {
  if (count != 0) event->lost_since_last.push_back({reason, count});
}

}  // namespace

const char* DropLabel(int reason) { return kDropLabels[reason]; }

void Ledger::UpdateKernel(const attach::CounterValues& counters) {
  for (size_t i = 0; i < kernel_.value.size(); ++i) {
    kernel_.value[i] = std::max(kernel_.value[i], base_.value[i] + counters.value[i]);
  }
  news_ = true;
}

Ledger Ledger::Continue(const v1::Counters& counters) {
  Ledger ledger;
  auto& value = ledger.kernel_.value;
  value[DLOG_COUNT_HITS] = counters.hits();
  value[DLOG_COUNT_SUBMITTED] = counters.emitted();
  value[DLOG_COUNT_BYTES] = counters.captured_bytes();
  value[DLOG_COUNT_FILTERED] = ledger.told_filtered_ = counters.filtered();
  value[DLOG_COUNT_SAMPLED_OUT] = ledger.told_sampled_out_ = counters.sampled_out();
  value[DLOG_COUNT_RATE_LIMITED] = ledger.told_rate_limited_ = counters.rate_limited();
  for (const v1::Loss& loss : counters.dropped()) {
    for (size_t reason = 0; reason < DLOG_DROP_REASONS; ++reason) {
      if (loss.reason() != kDropLabels[reason]) continue;
      value[DLOG_COUNT_DROP_FIRST + reason] = ledger.told_dropped_[reason] = loss.count();
    }
  }
  ledger.emitted_ = counters.emitted();
  ledger.Rebase();
  return ledger;
}

void Ledger::Emit(event::Event* event) {
  ++emitted_;
  if (!std::exchange(news_, false)) {
    event->hits_since_last = 1;
    return;
  }
  uint64_t hits = 1 + Tell(kernel_.value[DLOG_COUNT_FILTERED], &told_filtered_);
  const uint64_t sampled_out = Tell(kernel_.value[DLOG_COUNT_SAMPLED_OUT], &told_sampled_out_);
  const uint64_t rate_limited = Tell(kernel_.value[DLOG_COUNT_RATE_LIMITED], &told_rate_limited_);
  hits += sampled_out + rate_limited;
  AddLoss("sampled_out", sampled_out, event);
  AddLoss("rate_limited", rate_limited, event);
  for (int reason = 0; reason < DLOG_DROP_REASONS; ++reason) {
    if (reason == DLOG_DROP_AFTER_END) continue;  // these come after the last event, so they are since none
    const uint64_t dropped = Tell(Dropped(reason), &told_dropped_[static_cast<size_t>(reason)]);
    hits += dropped;
    AddLoss(DropLabel(reason), dropped, event);
  }
  event->hits_since_last = hits;
}

uint64_t Ledger::in_flight() const {
  uint64_t out = emitted_;
  for (const uint64_t dropped : dropped_here_) out += dropped;
  const uint64_t in = kernel_.value[DLOG_COUNT_SUBMITTED];
  return in > out ? in - out : 0;
}

v1::Counters Ledger::ToProto() const {
  v1::Counters counters;
  counters.set_hits(kernel_.value[DLOG_COUNT_HITS]);
  counters.set_emitted(emitted_);
  counters.set_filtered(kernel_.value[DLOG_COUNT_FILTERED]);
  counters.set_sampled_out(kernel_.value[DLOG_COUNT_SAMPLED_OUT]);
  counters.set_rate_limited(kernel_.value[DLOG_COUNT_RATE_LIMITED]);
  counters.set_captured_bytes(kernel_.value[DLOG_COUNT_BYTES]);
  for (int reason = 0; reason < DLOG_DROP_REASONS; ++reason) {
    if (Dropped(reason) == 0) continue;
    v1::Loss* loss = counters.add_dropped();
    loss->set_reason(DropLabel(reason));
    loss->set_count(Dropped(reason));
  }
  return counters;
}

}  // namespace dlog::daemon
