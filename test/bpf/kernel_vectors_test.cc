// SPDX-License-Identifier: Apache-2.0
//
// Vector registers in the real kernel: exact or absent, never another hit's.
#include <cstring>

#include "daemon/attach/vector_check.h"
#include "test/bpf/kernel_fixture.h"
#include "test/catch.h"

namespace dlog::test {
namespace {

struct Tally {
  uint64_t exact = 0;
  uint64_t absent = 0;
  uint64_t wrong = 0;
};

// rdi is the hit's number; xmm n was loaded with (16 * number + n, its complement).
void Judge(const Record& record, uint32_t mask, Tally* tally) {
  const auto segments = Segments(record);
  if (segments.empty()) {
    ++tally->absent;
    return;
  }
  uint32_t seen = 0;
  bool right = true;
  for (const auto& segment : segments) {
    REQUIRE(segment.header.status == DLOG_SEGMENT_VECTOR);
    REQUIRE(segment.header.address < DLOG_NVECTORS);
    REQUIRE(segment.bytes.size() == DLOG_VECTOR_BYTES);
    uint64_t halves[2];
    memcpy(halves, segment.bytes.data(), sizeof(halves));
    const uint64_t expected = record.header.regs[5] * 16 + segment.header.address;
    right = right && halves[0] == expected && halves[1] == ~expected;
    seen |= 1u << segment.header.address;
  }
  ++(right && seen == mask ? tally->exact : tally->wrong);
}

Tally Run(const std::string& plan, uint32_t mask, int threads, int count) {
  TargetProcess target;
  auto runtime = NewRuntime({.ring_bytes = 64 << 20});
  auto logpoint = Attach(runtime.get(), Request(target, "vectors", plan));
  CHECK(logpoint->warnings().empty());
  CHECK(target.Does("vectors " + std::to_string(threads) + " " + std::to_string(count)));
  Tally tally;
  for (const Record& record : Drain(runtime.get())) Judge(record, mask, &tally);
  CheckAddsUp(*logpoint);
  CHECK(Count(*logpoint, DLOG_COUNT_HITS) == uint64_t(threads) * uint64_t(count));
  return tally;
}

}  // namespace

TEST_CASE("vector registers of busy threads are exact or absent") {
  attach::BootCache cache("");
  const absl::Status works = attach::VectorRegistersWork(&cache);
  INFO(works.ToString());
  REQUIRE(works.ok());
  constexpr uint64_t kHits = 4 * 2000;
  const Tally tally = Run("register_mask: 0x20 vector_mask: 0xffff", 0xffff, 4, 2000);
  INFO(tally.exact << " exact, " << tally.absent << " absent, " << tally.wrong << " wrong");
  CHECK(tally.wrong == 0);
  CHECK(tally.exact + tally.absent == kHits);
  CHECK(tally.exact >= kHits * 999 / 1000);
}

TEST_CASE("only the vector registers that a plan names are recorded") {
  const Tally tally = Run("register_mask: 0x20 vector_mask: 0x8001", 0x8001, 1, 50);
  CHECK(tally.wrong == 0);
  CHECK(tally.exact > 0);
}

TEST_CASE("a condition reads vector registers") {
  TargetProcess target;
  auto runtime = NewRuntime();
  // The low half of xmm3 is 16 * 7 + 3 for hit 7 only.
  auto logpoint = Attach(runtime.get(), Request(target, "vectors", R"pb(
                           register_mask: 0x20
                           vector_mask: 0x8
                           condition { code: CAP_VECTOR dst: 20 a: 3 size: 8 }
                           condition { code: CAP_ARITH_IMM dst: 20 a: 20 op: OP_EQ imm: 115 }
                           condition { code: CAP_REJECT_IF_ZERO a: 20 })pb"));
  CHECK(target.Does("vectors 1 20"));
  const auto records = Drain(runtime.get());
  CheckAddsUp(*logpoint);
  const uint64_t undecided = Drops(*logpoint, DLOG_DROP_CONDITION_ERROR);
  CHECK(Count(*logpoint, DLOG_COUNT_FILTERED) + undecided + records.size() == 20);
  for (const Record& record : records) CHECK(record.header.regs[5] == 7);
  CHECK(records.size() + undecided >= 1);
}

TEST_CASE("a program without vector support leaves the values out and says so") {
  TargetProcess target;
  auto runtime = NewRuntime({.sleepable = false});
  auto logpoint = Attach(runtime.get(), Request(target, "vectors", "register_mask: 0x20 vector_mask: 0x1"));
  REQUIRE(logpoint->warnings().size() == 1);
  CHECK(target.Does("vectors 1 3"));
  const auto records = Drain(runtime.get());
  CHECK(records.size() == 3);
  for (const Record& record : records) CHECK(record.data.empty());
}

TEST_CASE("sampling takes the first of each so many, or a share") {
  TargetProcess target;
  auto runtime = NewRuntime();
  auto request = Request(target, "hit", "register_mask: 0x20");
  request.sample_every = 10;
  auto every = Attach(runtime.get(), request);
  CHECK(target.Does("call 0 95"));
  const auto records = Drain(runtime.get());
  CHECK(records.size() == 10);
  for (size_t i = 0; i < records.size(); ++i) CHECK(records[i].header.regs[5] == 10 * i);
  CHECK(Count(*every, DLOG_COUNT_SAMPLED_OUT) == 85);
  CheckAddsUp(*every);
  every.reset();

  request.sample_every = 0;
  request.sample_below = 1u << 31;
  auto half = Attach(runtime.get(), request);
  CHECK(target.Does("call 0 1000"));
  CHECK(Drain(runtime.get()).size() > 300);
  CHECK(Count(*half, DLOG_COUNT_SAMPLED_OUT) > 300);
  CheckAddsUp(*half);
}

}  // namespace dlog::test
