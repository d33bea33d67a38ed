// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/ledger.h"

#include <map>
#include <string>

#include "test/catch.h"

namespace dlog::daemon {
namespace {

constexpr int kRingFull = int{DLOG_COUNT_DROP_FIRST} + int{DLOG_DROP_RING_FULL};
constexpr int kAfterEnd = int{DLOG_COUNT_DROP_FIRST} + int{DLOG_DROP_AFTER_END};

std::map<std::string, uint64_t> Losses(const std::vector<event::Loss>& losses) {
  std::map<std::string, uint64_t> out;
  for (const event::Loss& loss : losses) out[std::string(loss.reason)] += loss.count;
  return out;
}

const event::Source kSource;

uint64_t Accounted(const v1::Counters& counters) {
  uint64_t sum = counters.emitted() + counters.filtered() + counters.sampled_out() + counters.rate_limited();
  for (const v1::Loss& loss : counters.dropped()) sum += loss.count();
  return sum;
}

TEST_CASE("an event tells the hits since the one before it, and their losses by reason") {
  Ledger ledger;
  attach::CounterValues kernel;
  kernel.value[DLOG_COUNT_HITS] = 11;
  kernel.value[DLOG_COUNT_SUBMITTED] = 1;
  kernel.value[DLOG_COUNT_FILTERED] = 4;
  kernel.value[DLOG_COUNT_RATE_LIMITED] = 3;
  kernel.value[DLOG_COUNT_SAMPLED_OUT] = 1;
  kernel.value[kRingFull] = 2;
  ledger.UpdateKernel(kernel);
  event::Event first(&kSource);
  ledger.Emit(&first);
  CHECK(first.hits_since_last == 11);
  CHECK(Losses(first.lost_since_last) ==
        std::map<std::string, uint64_t>{{"rate_limited", 3}, {"sampled_out", 1}, {"ring_full", 2}});

  event::Event second(&kSource);
  ledger.Emit(&second);
  CHECK(second.hits_since_last == 1);
  CHECK(second.lost_since_last.empty());
}

TEST_CASE("a record that could not be decoded is a loss of the next event") {
  Ledger ledger;
  ledger.Drop(DLOG_DROP_DECODE);
  event::Event event(&kSource);
  ledger.Emit(&event);
  CHECK(event.hits_since_last == 2);
  CHECK(Losses(event.lost_since_last) == std::map<std::string, uint64_t>{{"decode", 1}});
}

TEST_CASE("hits after the limit are in the account but in no event") {
  Ledger ledger;
  attach::CounterValues kernel;
  kernel.value[DLOG_COUNT_HITS] = 4;
  kernel.value[DLOG_COUNT_SUBMITTED] = 1;
  kernel.value[kAfterEnd] = 3;
  ledger.UpdateKernel(kernel);
  event::Event event(&kSource);
  ledger.Emit(&event);
  CHECK(event.hits_since_last == 1);
  CHECK(event.lost_since_last.empty());
  CHECK(ledger.after_end() == 3);
  CHECK(Accounted(ledger.ToProto()) == 4);
}

TEST_CASE("the account adds up, and what is in flight is known") {
  Ledger ledger;
  attach::CounterValues kernel;
  kernel.value[DLOG_COUNT_HITS] = 10;
  kernel.value[DLOG_COUNT_SUBMITTED] = 5;
  kernel.value[DLOG_COUNT_FILTERED] = 3;
  kernel.value[kRingFull] = 2;
  kernel.value[DLOG_COUNT_BYTES] = 777;
  ledger.UpdateKernel(kernel);
  CHECK(ledger.in_flight() == 5);
  event::Event event(&kSource);
  for (int i = 0; i < 4; ++i) ledger.Emit(&event);
  CHECK(ledger.in_flight() == 1);
  ledger.Drop(DLOG_DROP_DECODE);
  CHECK(ledger.in_flight() == 0);
  const v1::Counters counters = ledger.ToProto();
  CHECK(counters.hits() == 10);
  CHECK(counters.captured_bytes() == 777);
  CHECK(Accounted(counters) == 10);
}

TEST_CASE("older counters never take back newer ones") {
  Ledger ledger;
  attach::CounterValues newer, older;
  newer.value[DLOG_COUNT_HITS] = 10;
  older.value[DLOG_COUNT_HITS] = 9;
  ledger.UpdateKernel(newer);
  ledger.UpdateKernel(older);
  CHECK(ledger.ToProto().hits() == 10);
}

TEST_CASE("the sum over all events and the end is the number of hits") {
  Ledger ledger;
  attach::CounterValues kernel;
  uint64_t told = 0;
  for (uint64_t i = 1; i <= 50; ++i) {
    kernel.value[DLOG_COUNT_HITS] += 1 + i;
    kernel.value[DLOG_COUNT_SUBMITTED] += 1;
    kernel.value[i % 2 == 0 ? DLOG_COUNT_FILTERED : DLOG_COUNT_RATE_LIMITED] += i;
    if (i % 3 == 0) ledger.UpdateKernel(kernel);  // the counters are read now and then only
    event::Event event(&kSource);
    ledger.Emit(&event);
    told += event.hits_since_last;
  }
  ledger.UpdateKernel(kernel);
  event::Event last(&kSource);
  kernel.value[DLOG_COUNT_HITS] += 1;
  kernel.value[DLOG_COUNT_SUBMITTED] += 1;
  ledger.UpdateKernel(kernel);
  ledger.Emit(&last);
  CHECK(told + last.hits_since_last == kernel.value[DLOG_COUNT_HITS]);
}

TEST_CASE("an account goes on over attachments, whose counters start at zero each") {
  Ledger ledger;
  attach::CounterValues kernel;
  kernel.value[DLOG_COUNT_HITS] = 5;
  kernel.value[DLOG_COUNT_SUBMITTED] = 1;
  kernel.value[DLOG_COUNT_FILTERED] = 4;
  ledger.UpdateKernel(kernel);
  event::Event event(&kSource);
  ledger.Emit(&event);
  ledger.Rebase();
  kernel.value[DLOG_COUNT_HITS] = 3;
  kernel.value[DLOG_COUNT_FILTERED] = 2;
  ledger.UpdateKernel(kernel);
  ledger.Emit(&event);
  CHECK(event.hits_since_last == 3);
  CHECK(ledger.ToProto().hits() == 8);
  CHECK(Accounted(ledger.ToProto()) == 8);
  CHECK(ledger.in_flight() == 0);
}

TEST_CASE("an account read back goes on where it was, and tells nothing twice") {
  Ledger before;
  attach::CounterValues kernel;
  kernel.value[DLOG_COUNT_HITS] = 12;
  kernel.value[DLOG_COUNT_SUBMITTED] = 2;
  kernel.value[DLOG_COUNT_RATE_LIMITED] = 7;
  kernel.value[kRingFull] = 3;
  before.UpdateKernel(kernel);
  event::Event event(&kSource);
  before.Emit(&event);
  before.Drop(DLOG_DROP_DECODE);
  Ledger after = Ledger::Continue(before.ToProto());
  CHECK(after.ToProto().SerializeAsString() == before.ToProto().SerializeAsString());
  CHECK(after.emitted() == 1);
  CHECK(after.in_flight() == 0);
  attach::CounterValues more;
  more.value[DLOG_COUNT_HITS] = 1;
  more.value[DLOG_COUNT_SUBMITTED] = 1;
  after.UpdateKernel(more);
  after.Emit(&event);
  CHECK(event.hits_since_last == 1);
  CHECK(after.ToProto().hits() == 13);
  CHECK(Accounted(after.ToProto()) == 13);
}

}  // namespace
}  // namespace dlog::daemon
