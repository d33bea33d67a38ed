// SPDX-License-Identifier: Apache-2.0
//
// Condition, rate, hit limit, losses: every hit is accounted for.
#include <atomic>
#include <chrono>
#include <set>
#include <thread>

#include "test/bpf/kernel_fixture.h"
#include "test/catch.h"

namespace dlog::test {
namespace {

// rdi % 10 == 3
constexpr char kOneInTen[] = R"pb(
  register_mask: 0x20
  condition { code: CAP_ARITH_IMM dst: 20 a: 5 op: OP_MOD imm: 10 }
  condition { code: CAP_ARITH_IMM dst: 20 a: 20 op: OP_EQ imm: 3 }
  condition { code: CAP_REJECT_IF_ZERO a: 20 })pb";

}  // namespace

TEST_CASE("a condition lets exactly the right hits through") {
  TargetProcess target;
  for (const bool sleepable : {true, false}) {
    auto runtime = NewRuntime({.sleepable = sleepable});
    auto logpoint = Attach(runtime.get(), Request(target, "hit", kOneInTen));
    CHECK(target.Does("call 0 1000"));
    CHECK(Count(*logpoint, DLOG_COUNT_HITS) == 1000);
    CHECK(Count(*logpoint, DLOG_COUNT_SUBMITTED) == 100);
    CHECK(Count(*logpoint, DLOG_COUNT_FILTERED) == 900);
    const auto records = Drain(runtime.get());
    REQUIRE(records.size() == 100);
    for (size_t i = 0; i < records.size(); ++i) CHECK(records[i].header.regs[5] == i * 10 + 3);
    CHECK(Count(*logpoint, DLOG_COUNT_BYTES) == 100 * sizeof(dlog_few_record));
  }
}

TEST_CASE("a condition that cannot be evaluated is a counted drop") {
  TargetProcess target;
  auto runtime = NewRuntime();
  auto logpoint = Attach(runtime.get(), Request(target, "hit", R"pb(
                           condition { code: CAP_LOAD dst: 20 a: 5 size: 4 }
                           condition { code: CAP_REJECT_IF_ZERO a: 20 })pb"));
  CHECK(target.Does("call 1 50"));
  CHECK(Drops(*logpoint, DLOG_DROP_CONDITION_ERROR) == 50);
  CheckAddsUp(*logpoint);
  CHECK(Drain(runtime.get()).empty());
}

TEST_CASE("a condition that divides by zero is a counted drop") {
  TargetProcess target;
  auto runtime = NewRuntime();
  auto logpoint = Attach(runtime.get(), Request(target, "hit", R"pb(
                           condition { code: CAP_CONST dst: 19 imm: -9223372036854775808 }
                           condition { code: CAP_ARITH dst: 20 a: 19 b: 5 op: OP_DIV is_signed: true })pb"));
  CHECK(target.Does("pass 0"));
  CHECK(target.Does("pass 18446744073709551615"));  // INT64_MIN / -1
  CHECK(Drops(*logpoint, DLOG_DROP_CONDITION_ERROR) == 1);
  CHECK(Count(*logpoint, DLOG_COUNT_SUBMITTED) == 1);
}

TEST_CASE("the rate limit lets its burst and then its rate through") {
  TargetProcess target;
  auto runtime = NewRuntime();
  auto request = Request(target, "hit", "register_mask: 0x20");
  request.rate_per_second = 50;
  auto logpoint = Attach(runtime.get(), request);
  const auto start = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - start < std::chrono::milliseconds(600)) CHECK(target.Does("call 0 100"));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const uint64_t submitted = Count(*logpoint, DLOG_COUNT_SUBMITTED);
  CHECK(submitted <= 5 + static_cast<uint64_t>(50 * seconds) + 1);
  CHECK(submitted >= static_cast<uint64_t>(50 * seconds * 0.8));
  CHECK(Count(*logpoint, DLOG_COUNT_RATE_LIMITED) > 0);
  CheckAddsUp(*logpoint);
}

TEST_CASE("the hit limit admits exactly that many, also with threads") {
  TargetProcess target;
  auto runtime = NewRuntime();
  auto request = Request(target, "hit", "register_mask: 0x20");
  request.max_hits = 7;
  auto logpoint = Attach(runtime.get(), request);
  CHECK(target.Does("threads 4 500"));
  CHECK(Count(*logpoint, DLOG_COUNT_HITS) == 2000);
  CHECK(Count(*logpoint, DLOG_COUNT_SUBMITTED) == 7);
  CHECK(Drops(*logpoint, DLOG_DROP_AFTER_END) == 1993);
}

TEST_CASE("counters add up exactly with four threads and a ring that overflows") {
  TargetProcess target;
  for (const bool sleepable : {true, false}) {
    auto runtime = NewRuntime({.ring_bytes = 64 << 10, .sleepable = sleepable});
    auto plain = Attach(runtime.get(), Request(target, "hit", "register_mask: 0x20"));
    auto interpreted = Attach(runtime.get(), Request(target, "red_zone", R"pb(
                                register_mask: 0x20
                                condition { code: CAP_ARITH_IMM dst: 20 a: 5 op: OP_AND imm: 1 }
                                condition { code: CAP_REJECT_IF_ZERO a: 20 }
                                ops { code: CAP_COPY a: 7 offset: -8 length: 8 }
                                ops { code: CAP_CSTRING a: 4 length: 64 })pb"));
    CHECK(target.Does("threads 4 5000"));
    for (const auto* logpoint : {plain.get(), interpreted.get()}) {
      CHECK(Count(*logpoint, DLOG_COUNT_HITS) == 20000);
      CHECK(Drops(*logpoint, DLOG_DROP_RING_FULL) + Drops(*logpoint, DLOG_DROP_RING_SHARE) > 0);
      CheckAddsUp(*logpoint);
    }
    CHECK(Count(*interpreted, DLOG_COUNT_FILTERED) == 10000);
    const uint64_t submitted = Count(*plain, DLOG_COUNT_SUBMITTED) + Count(*interpreted, DLOG_COUNT_SUBMITTED);
    CHECK(Drain(runtime.get()).size() == submitted);
  }
}

TEST_CASE("a logpoint that fills the ring leaves room for one that is hit now and then") {
  TargetProcess mad, calm;
  for (const char* plan :
       {"register_mask: 0x20", "register_mask: 0x20 ops { code: CAP_COPY a: 7 offset: -8 length: 8 }"}) {
    auto runtime = NewRuntime({.ring_bytes = 1 << 20});
    auto flooding = Attach(runtime.get(), Request(mad, "hit", plan));
    auto rare = Attach(runtime.get(), Request(calm, "hit", plan));
    CHECK(mad.Does("threads 4 5000"));
    CHECK(Drops(*flooding, DLOG_DROP_RING_SHARE) > 0);
    CHECK(Drops(*flooding, DLOG_DROP_RING_FULL) == 0);
    CHECK(calm.Does("call 0 20"));
    CHECK(Count(*rare, DLOG_COUNT_SUBMITTED) == 20);
    CheckAddsUp(*flooding);
    // What has been read no longer counts against it.
    const uint64_t before = Count(*flooding, DLOG_COUNT_SUBMITTED);
    CHECK(Drain(runtime.get()).size() == before + 20);
    CHECK(mad.Does("call 0 100"));
    CHECK(Count(*flooding, DLOG_COUNT_SUBMITTED) == before + 100);
    CHECK(Count(*rare, DLOG_COUNT_HITS) == 20);
  }
}

TEST_CASE("a logpoint that is alone may fill the whole ring, and with another one may not") {
  TargetProcess target;
  constexpr uint64_t kRing = 1 << 20;
  auto runtime = NewRuntime({.ring_bytes = kRing});
  auto alone = Attach(runtime.get(), Request(target, "hit", "register_mask: 0x20"));
  auto second = Attach(runtime.get(), Request(target, "red_zone", "register_mask: 0x20"));
  second = nullptr;
  CHECK(target.Does("call 0 20000"));
  CHECK(Drops(*alone, DLOG_DROP_RING_SHARE) == 0);
  CHECK(Drops(*alone, DLOG_DROP_RING_FULL) > 0);
  const uint64_t filled = Count(*alone, DLOG_COUNT_SUBMITTED);
  CHECK(Drain(runtime.get()).size() == filled);
  second = Attach(runtime.get(), Request(target, "red_zone", "register_mask: 0x20"));
  CHECK(target.Does("call 0 20000"));
  CHECK(Drops(*alone, DLOG_DROP_RING_SHARE) > 0);
  CHECK(Count(*alone, DLOG_COUNT_SUBMITTED) - filled < filled);
}

TEST_CASE("with a consumer every submitted record arrives intact") {
  TargetProcess target;
  auto runtime = NewRuntime();
  auto logpoint = Attach(runtime.get(), Request(target, "red_zone", R"pb(
                           register_mask: 0x20
                           ops { code: CAP_COPY a: 7 offset: -8 length: 8 })pb"));
  std::atomic<bool> stop = false;
  uint64_t received = 0, wrong = 0;
  std::thread consumer([&] {
    while (true) {
      const bool last = stop.load();
      auto got = runtime->Poll(10, [&](const attach::RawRecord& raw) {
        uint64_t value;
        memcpy(&value, raw.segments.data() + sizeof(dlog_segment), sizeof(value));
        wrong += value != raw.header->regs[5];
        ++received;
      });
      if (last && got.ok() && *got == 0) return;
    }
  });
  CHECK(target.Does("threads 4 10000"));
  stop = true;
  consumer.join();
  CHECK(wrong == 0);
  CHECK(received == Count(*logpoint, DLOG_COUNT_SUBMITTED));
  CHECK(Count(*logpoint, DLOG_COUNT_HITS) == 40000);
  CheckAddsUp(*logpoint);
}

TEST_CASE("records that the end of the ring cuts in two arrive whole") {
  TargetProcess target;
  auto runtime = NewRuntime({.ring_bytes = 64 << 10});
  auto logpoint = Attach(runtime.get(), Request(target, "red_zone", R"pb(
                           register_mask: 0x20
                           ops { code: CAP_COPY a: 7 offset: -8 length: 8 })pb"));
  constexpr uint64_t kAtOnce = 100, kRounds = 30;  // five times round, of 546 and a part each
  for (uint64_t round = 0; round < kRounds; ++round) {
    CHECK(target.Does("call " + std::to_string(round * kAtOnce) + " " + std::to_string(kAtOnce)));
    const auto records = Drain(runtime.get());
    REQUIRE(records.size() == kAtOnce);
    for (uint64_t i = 0; i < kAtOnce; ++i) {
      const uint64_t expected = round * kAtOnce + i;
      CHECK(records[i].header.regs[5] == expected);
      const auto segments = Segments(records[i]);
      REQUIRE(segments.size() == 1);
      CHECK(segments[0].bytes == std::string(reinterpret_cast<const char*>(&expected), sizeof(expected)));
    }
  }
}

TEST_CASE("hits that wait for a page hold their buffers; those beyond the pool are counted drops") {
  TargetProcess target;
  auto runtime = NewRuntime();
  auto logpoint = Attach(runtime.get(), Request(target, "hit", "ops { code: CAP_COPY a: 5 length: 8 }"));
  constexpr uint64_t kThreads = DLOG_SCRATCH_PER_CPU + 3;
  const std::string answer = target.Command("stall " + std::to_string(kThreads));
  if (answer == "unavailable") {
    WARN("SKIP: no userfaultfd here");
    return;
  }
  CHECK(answer == "wrong 0");
  CHECK(Count(*logpoint, DLOG_COUNT_HITS) == kThreads);
  CHECK(Drops(*logpoint, DLOG_DROP_SCRATCH_BUSY) == 3);
  CHECK(Count(*logpoint, DLOG_COUNT_SUBMITTED) == DLOG_SCRATCH_PER_CPU);
  for (const Record& record : Drain(runtime.get())) {
    const auto segments = Segments(record);
    REQUIRE(segments.size() == 1);
    CHECK(segments[0].header.status == DLOG_SEGMENT_OK);
    CHECK(segments[0].bytes == std::string(8, '\0'));
  }
  CHECK(target.Does("call 0 10"));  // the buffers are free again (and address 0..9 is a fault)
  CHECK(Drops(*logpoint, DLOG_DROP_SCRATCH_BUSY) == 3);
  CheckAddsUp(*logpoint);
}

TEST_CASE("a reader that nothing comes to sleeps longer than asked for, and the next record wakes it") {
  auto runtime = NewRuntime();
  TargetProcess target;
  auto logpoint = Attach(runtime.get(), Request(target, "hit", ""));
  using std::chrono::milliseconds;
  const auto poll = [&](int* records) {
    const auto start = std::chrono::steady_clock::now();
    auto got = runtime->Poll(1, [](const attach::RawRecord&) {});
    REQUIRE(got.ok());
    *records = *got;
    return std::chrono::steady_clock::now() - start;
  };
  int records = 0;
  const auto fall_asleep = [&] {
    for (int i = 0; i < 41; ++i) poll(&records);
  };
  fall_asleep();
  CHECK(poll(&records) >= milliseconds(attach::kReaderSleepMs - 20));
  CHECK(records == 0);
  // A machine under load is slow at times, but not each time.
  bool woken = false;
  for (int tries = 0; tries < 20 && !woken; ++tries) {
    fall_asleep();
    std::thread hit([&] {
      std::this_thread::sleep_for(milliseconds(20));
      CHECK(target.Does("call 0 1"));
    });
    const auto slept = poll(&records);
    hit.join();
    woken = records == 1 && slept < milliseconds(attach::kReaderSleepMs - 20);
    (void)Drain(runtime.get());
  }
  CHECK(woken);
}

TEST_CASE("polling an empty ring returns after its timeout") {
  auto runtime = NewRuntime();
  const auto start = std::chrono::steady_clock::now();
  auto got = runtime->Poll(60, [](const attach::RawRecord&) {});
  REQUIRE(got.ok());
  CHECK(*got == 0);
  CHECK(std::chrono::steady_clock::now() - start >= std::chrono::milliseconds(55));
  CHECK(runtime->RingUsedRatio() == 0);
}

}  // namespace dlog::test
