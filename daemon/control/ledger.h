// SPDX-License-Identifier: Apache-2.0
//
// The account of one logpoint's hits: hits = emitted + filtered + sampled_out + rate_limited + dropped(reason),
// exactly, once nothing is in flight; and what each event says about the hits since the one before it, exact in sum.
#pragma once

#include <array>
#include <cstdint>

#include "bpf/abi.h"
#include "control.pb.h"
#include "daemon/attach/probe_set.h"
#include "daemon/event/batch.h"

namespace dlog::daemon {

// "ring_full", ...: the label of bpf/drop_reasons.def.
const char* DropLabel(int reason);

// Thread-compatible.
class Ledger {
 public:
  // The account of an earlier life of the logpoint, which this one continues: everything in it was told.
  static Ledger Continue(const v1::Counters& counters);

  // The attachment is gone: the counters of the next one start at zero and are added.
  void Rebase() { base_ = kernel_; }

  // The kernel's counters as they are now. Older values than those already known are ignored, counter by counter.
  void UpdateKernel(const attach::CounterValues& counters);

  // A record became `event`: counts it and fills hits_since_last and lost_since_last with everything that happened to
  // this logpoint's hits since the last event, as far as UpdateKernel has been told. Hits after the hit limit was
  // reached are in the final account only.
  void Emit(event::Event* event);

  // A record did not become an event, in user space.
  void Drop(dlog_drop_reason reason) {
    ++dropped_here_[reason];
    news_ = true;
  }

  // The wait for records in flight was given up: they count as lost at the end.
  void GiveUpInFlight() {
    dropped_here_[DLOG_DROP_AFTER_END] += in_flight();
    news_ = true;
  }

  uint64_t emitted() const { return emitted_; }
  // Hits that the hit limit has turned away in the kernel.
  uint64_t after_end() const { return kernel_.value[int{DLOG_COUNT_DROP_FIRST} + int{DLOG_DROP_AFTER_END}]; }
  // Records put into the ring that have not come out yet.
  uint64_t in_flight() const;

  v1::Counters ToProto() const;

 private:
  uint64_t Dropped(int reason) const { return kernel_.value[DLOG_COUNT_DROP_FIRST + reason] + dropped_here_[reason]; }

  attach::CounterValues base_;    // of earlier attachments
  attach::CounterValues kernel_;  // of all attachments
  uint64_t emitted_ = 0;
  std::array<uint64_t, DLOG_DROP_REASONS> dropped_here_ = {};
  bool news_ = true;  // there may be something that the next event has to tell
  // What events have told so far.
  uint64_t told_filtered_ = 0;
  uint64_t told_sampled_out_ = 0;
  uint64_t told_rate_limited_ = 0;
  std::array<uint64_t, DLOG_DROP_REASONS> told_dropped_ = {};
};

}  // namespace dlog::daemon
