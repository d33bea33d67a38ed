// SPDX-License-Identifier: Apache-2.0
//
// What the start of a call knows, its time and the registers of its arguments: it is taken for that of its own call
// and of no other.
#include <optional>

#include "test/bpf/kernel_fixture.h"
#include "test/catch.h"

namespace dlog::test {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kFieldBytes = 4;

// target_hit from its first instruction to one that its frame pointer is set up at.
attach::AttachRequest CallsOf(const TargetProcess& target, const std::string& plan) {
  attach::AttachRequest request = Request(target, "red_zone", plan);
  const TargetSite& entry = target.site("hit");
  request.entries.push_back({entry.offset, entry.instruction, {}});
  request.sites[0].call = {0, {true, 8}};
  return request;
}

// Two functions that are called one after the other with the same place for the return address: "field COUNT" passes
// the end at the first, and then, when COUNT is two, the start at the second.
attach::AttachRequest EndThenStart(const TargetProcess& target) {
  attach::AttachRequest request = Request(target, "field", "register_mask: 0x20");
  const TargetSite& first = target.site("field");
  request.entries.push_back({FileOffset{first.offset.value + kFieldBytes}, first.instruction, {}});
  request.sites[0].call = {0, {}};
  return request;
}

uint64_t DurationOf(const Record& record) {
  for (const RecordSegment& segment : Segments(record)) {
    if (segment.header.status == DLOG_SEGMENT_DURATION) return segment.header.address;
  }
  return DLOG_NO_DURATION;
}

// Of the only record.
uint64_t Duration(attach::BpfRuntime* runtime) {
  const auto records = Drain(runtime);
  REQUIRE(records.size() == 1);
  return DurationOf(records[0]);
}

}  // namespace

TEST_CASE("each call is timed, and starts are no hits") {
  TargetProcess target;
  for (const bool sleepable : {true, false}) {
    for (const char* plan : {"register_mask: 0x20", "ops { code: CAP_COPY a: 7 length: 8 }"}) {
      auto runtime = NewRuntime({.sleepable = sleepable});
      auto logpoint = Attach(runtime.get(), CallsOf(target, plan));
      CHECK(target.Does("threads 3 100"));
      const auto records = Drain(runtime.get());
      REQUIRE(records.size() == 300);
      for (const Record& record : records) CHECK((DurationOf(record) > 0 && DurationOf(record) < kSecond));
      CHECK(Count(*logpoint, DLOG_COUNT_HITS) == 300);
      CHECK(Count(*logpoint, DLOG_COUNT_STARTS) == 300);
      CheckAddsUp(*logpoint);
    }
  }
}

TEST_CASE("a condition on the duration filters, and cannot be evaluated without a start") {
  TargetProcess target;
  auto runtime = NewRuntime();
  const std::string plan = R"pb(
    condition { code: CAP_DURATION dst: 20 }
    condition { code: CAP_ARITH_IMM dst: 20 a: 20 op: OP_GT imm: 3600000000000 }
    condition { code: CAP_REJECT_IF_ZERO a: 20 })pb";
  auto logpoint = Attach(runtime.get(), CallsOf(target, plan));
  CHECK(target.Does("call 0 20"));
  CHECK(Count(*logpoint, DLOG_COUNT_FILTERED) == 20);
  attach::AttachRequest elsewhere = CallsOf(target, plan);
  elsewhere.sites[0].call->slot.offset = 16;
  auto startless = Attach(runtime.get(), elsewhere);
  CHECK(target.Does("call 0 20"));
  CHECK(Drops(*startless, DLOG_DROP_CONDITION_ERROR) == 20);
  CheckAddsUp(*startless);
}

TEST_CASE("a start is used once, and not when the probes were off in between") {
  TargetProcess target;
  auto runtime = NewRuntime();
  auto logpoint = Attach(runtime.get(), EndThenStart(target));
  CHECK(target.Does("field 2"));
  CHECK(Duration(runtime.get()) == DLOG_NO_DURATION);
  CHECK(target.Does("field 1"));
  CHECK(Duration(runtime.get()) < 60 * kSecond);
  CHECK(target.Does("field 1"));
  CHECK(Duration(runtime.get()) == DLOG_NO_DURATION);

  CHECK(target.Does("field 2"));
  CHECK(Duration(runtime.get()) == DLOG_NO_DURATION);
  logpoint->Disarm();
  REQUIRE(logpoint->Rearm().ok());
  CHECK(target.Does("field 1"));
  CHECK(Duration(runtime.get()) == DLOG_NO_DURATION);
}

TEST_CASE("two logpoints on the same function do not take each other's starts") {
  TargetProcess target;
  auto runtime = NewRuntime();
  auto first = Attach(runtime.get(), CallsOf(target, "register_mask: 0x20"));
  auto second = Attach(runtime.get(), CallsOf(target, "register_mask: 0x20"));
  CHECK(target.Does("call 0 10"));
  for (const Record& record : Drain(runtime.get())) CHECK(DurationOf(record) != DLOG_NO_DURATION);
  CHECK(Count(*first, DLOG_COUNT_SUBMITTED) + Count(*second, DLOG_COUNT_SUBMITTED) == 20);
}

namespace {

constexpr char kTwoArguments[] = "register_mask: 0x20 entry_mask: 0x30";  // rdi; rdi and rsi at the entry

// What the record says of the `number`-th argument register at the entry.
std::optional<uint64_t> Kept(const Record& record, uint32_t number) {
  for (const RecordSegment& segment : Segments(record)) {
    if (segment.header.status == DLOG_SEGMENT_KEPT + number) return segment.header.address;
  }
  return std::nullopt;
}

attach::AttachRequest Keeping(attach::AttachRequest request) {
  request.entries[0].timed = false;
  request.entries[0].keeps = 0x3;
  request.sites[0].call->timed = false;
  return request;
}

}  // namespace

TEST_CASE("the registers of arguments that were asked for are kept for each call, and no others") {
  TargetProcess target;
  for (const bool sleepable : {true, false}) {
    auto runtime = NewRuntime({.sleepable = sleepable});
    auto logpoint = Attach(runtime.get(), Keeping(CallsOf(target, kTwoArguments)));
    CHECK(target.Does("threads 3 100"));
    const auto records = Drain(runtime.get());
    REQUIRE(records.size() == 300);
    for (const Record& record : records) {
      CHECK(Kept(record, 0) == record.header.regs[5]);
      CHECK(Kept(record, 1).value_or(0) != 0);
      CHECK_FALSE(Kept(record, 2).has_value());
      CHECK(DurationOf(record) == DLOG_NO_DURATION);
    }
    CheckAddsUp(*logpoint);
  }
}

TEST_CASE("a condition on a kept register filters, and cannot be evaluated where nothing was kept") {
  TargetProcess target;
  auto runtime = NewRuntime();
  const std::string plan = R"pb(
    entry_mask: 0x20
    condition { code: CAP_AT_ENTRY dst: 20 a: 5 }
    condition { code: CAP_ARITH_IMM dst: 20 a: 20 op: OP_GE imm: 15 }
    condition { code: CAP_REJECT_IF_ZERO a: 20 })pb";
  auto logpoint = Attach(runtime.get(), Keeping(CallsOf(target, plan)));
  CHECK(target.Does("call 0 20"));
  CHECK(Count(*logpoint, DLOG_COUNT_FILTERED) == 15);
  CHECK(Drain(runtime.get()).size() == 5);
  attach::AttachRequest elsewhere = Keeping(CallsOf(target, plan));
  elsewhere.sites[0].call->slot.offset = 16;
  auto startless = Attach(runtime.get(), elsewhere);
  CHECK(target.Does("call 0 20"));
  CHECK(Drops(*startless, DLOG_DROP_CONDITION_ERROR) == 20);
  CheckAddsUp(*startless);
}

TEST_CASE("what was kept is void when the probes were off in between") {
  TargetProcess target;
  auto runtime = NewRuntime();
  attach::AttachRequest request = Keeping(EndThenStart(target));
  request.sites[0].plan = Plan(kTwoArguments);
  auto logpoint = Attach(runtime.get(), request);
  const auto kept = [&] {
    const auto records = Drain(runtime.get());
    REQUIRE(records.size() == 1);
    return Kept(records[0], 0);
  };
  CHECK(target.Does("field 2"));
  CHECK_FALSE(kept().has_value());
  // Of the other function, whose call had the same place: a site must lie behind the entry of its own function.
  CHECK(target.Does("field 1"));
  CHECK(kept() == 1u);
  logpoint->Disarm();
  REQUIRE(logpoint->Rearm().ok());
  CHECK(target.Does("field 1"));
  CHECK_FALSE(kept().has_value());
}

}  // namespace dlog::test
