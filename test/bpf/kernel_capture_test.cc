// SPDX-License-Identifier: Apache-2.0
//
// What a record holds, in the real kernel.
#include <cstring>

#include "test/bpf/kernel_fixture.h"
#include "test/catch.h"

namespace dlog::test {
namespace {

constexpr char kAllRegisters[] = "register_mask: 0x1ffff";

uint64_t KnownRegister(int i) { return 0x1111111100000000ull * static_cast<unsigned>(i % 7) + i + 0xa0; }

void CheckKnownRegisters(const dlog_record& header, uint64_t site_address) {
  for (int i = 0; i < 16; ++i) {
    INFO("register " << i);
    if (i != 7) CHECK(header.regs[i] == KnownRegister(i));
  }
  CHECK(header.regs[16] == site_address);
}

}  // namespace

TEST_CASE("registers at emulated and stepped sites are those of the target, and unchanged there") {
  TargetProcess target;
  for (const bool sleepable : {true, false}) {
    auto runtime = NewRuntime({.sleepable = sleepable});
    CHECK(runtime->sleepable() == sleepable);
    for (const char* site : {"emulated", "stepped"}) {
      auto logpoint = Attach(runtime.get(), Request(target, site, kAllRegisters));
      CHECK(target.Does("registers"));
      const auto records = Drain(runtime.get());
      REQUIRE(records.size() == 1);
      INFO(site);
      CheckKnownRegisters(records[0].header, target.site(site).address);
      CHECK(records[0].header.regs[7] % 8 == 0);
      CHECK(records[0].header.regs[7] != 0);
    }
  }
}

TEST_CASE("a record names site, process, thread, command and time") {
  TargetProcess target;
  auto runtime = NewRuntime();
  auto logpoint = Attach(runtime.get(), Request(target, "hit", "register_mask: 0x20"));
  timespec before, after;
  clock_gettime(CLOCK_BOOTTIME, &before);
  CHECK(target.Does("pass 42"));
  clock_gettime(CLOCK_BOOTTIME, &after);
  const auto records = Drain(runtime.get());
  REQUIRE(records.size() == 1);
  const dlog_record& header = records[0].header;
  const auto nanoseconds = [](const timespec& t) { return uint64_t(t.tv_sec) * 1'000'000'000 + uint64_t(t.tv_nsec); };
  CHECK(header.boot_ns >= nanoseconds(before));
  CHECK(header.boot_ns <= nanoseconds(after));
  CHECK(header.site == logpoint->site_index(0));
  CHECK(header.generation == logpoint->generation());
  CHECK(header.tgid == static_cast<uint32_t>(target.pid()));
  CHECK(header.tid == static_cast<uint32_t>(target.pid()));
  CHECK(std::string(header.comm) == "bpf_probe_targe");  // the kernel keeps 15 characters
  CHECK(header.data_bytes == 0);
  for (int i = 0; i < DLOG_NREGS; ++i) CHECK(header.regs[i] == (i == 5 ? 42 : 0));
}

TEST_CASE("memory is captured through registers") {
  TargetProcess target;
  for (const bool sleepable : {true, false}) {
    auto runtime = NewRuntime({.sleepable = sleepable});
    // rsi = text. Site red_zone: the argument lies at rsp - 8.
    auto logpoint = Attach(runtime.get(), Request(target, "red_zone", R"pb(
                             ops { code: CAP_CSTRING a: 4 length: 100 }
                             ops { code: CAP_CSTRING a: 4 length: 3 offset: 4 }
                             ops { code: CAP_COPY a: 7 offset: -8 length: 8 }
                             ops { code: CAP_LOAD dst: 20 a: 7 offset: -8 size: 8 jump: 5 }
                             ops { code: CAP_COPY_DYN a: 4 b: 20 size: 1 length: 100 }
                             ops { code: CAP_COPY a: 5 length: 16 })pb"));
    CHECK(target.Does("pass 9"));
    const auto records = Drain(runtime.get());
    REQUIRE(records.size() == 1);
    const auto segments = Segments(records[0]);
    REQUIRE(segments.size() == 5);  // the load finds its bytes in the copy before it
    CHECK(segments[0].bytes == std::string("the quick brown fox\0", 20));
    CHECK(segments[0].header.status == DLOG_SEGMENT_OK);
    CHECK(segments[0].header.address == target.data("text"));
    CHECK(segments[1].bytes == "qui");
    CHECK(segments[1].header.status == DLOG_SEGMENT_TRUNCATED);
    CHECK(segments[2].bytes == std::string("\x09\0\0\0\0\0\0\0", 8));
    CHECK(segments[3].bytes == "the quick");
    CHECK(segments[4].header.status == DLOG_SEGMENT_FAULT);
    CHECK(segments[4].header.address == 9);
    CHECK(segments[4].header.length == 16);
  }
}

TEST_CASE("the thread pointer is there when it is asked for") {
  TargetProcess target;
  for (const bool sleepable : {true, false}) {
    auto runtime = NewRuntime({.sleepable = sleepable});
    auto logpoint = Attach(runtime.get(), Request(target, "hit", R"pb(
                             register_mask: 0x20020
                             ops { code: CAP_COPY a: 17 length: 8 })pb"));
    CHECK(target.Does("pass 42"));
    const auto records = Drain(runtime.get());
    REQUIRE(records.size() == 1);
    const uint64_t thread_pointer = records[0].header.regs[DLOG_THREAD_POINTER];
    CHECK(thread_pointer != 0);
    const auto segments = Segments(records[0]);
    REQUIRE(segments.size() == 1);
    CHECK(segments[0].header.address == thread_pointer);
    // By the ABI it points to itself.
    CHECK(segments[0].bytes == std::string(reinterpret_cast<const char*>(&thread_pointer), 8));
  }
}

TEST_CASE("a cyclic list is walked once round") {
  TargetProcess target;
  auto runtime = NewRuntime();
  auto request = Request(target, "hit", R"pb(
    ops { code: CAP_CALL a: 5 routine: 0 deeper: true }
    routines {
      ops { code: CAP_COPY a: 19 offset: 8 length: 8 }
      ops { code: CAP_LOAD dst: 20 a: 19 size: 8 jump: 4 }
      ops { code: CAP_JUMP_IF_ZERO a: 20 jump: 4 }
      ops { code: CAP_CALL a: 20 routine: 0 deeper: true }
    })pb");
  request.capture.depth = 100;
  auto logpoint = Attach(runtime.get(), request);
  CHECK(target.Does("pass " + std::to_string(target.data("list"))));
  const auto records = Drain(runtime.get());
  REQUIRE(records.size() == 1);
  CHECK(records[0].header.flags == 0);
  const auto segments = Segments(records[0]);
  REQUIRE(segments.size() == 6);
  for (int i = 0; i < 3; ++i) CHECK(segments[2 * i].bytes[0] == 10 + i);
}

TEST_CASE("a list is walked by its own routine when another logpoint has routines too") {
  TargetProcess target;
  auto runtime = NewRuntime();
  auto other = Attach(runtime.get(), Request(target, "red_zone", R"pb(
                        ops { code: CAP_CALL a: 5 routine: 0 }
                        routines { ops { code: CAP_COPY a: 19 length: 1 } })pb"));
  auto logpoint = Attach(runtime.get(), Request(target, "hit", R"pb(
                           ops { code: CAP_CONST dst: 20 imm: 3 }
                           ops { code: CAP_WALK a: 5 b: 20 length: 10 routine: 0 }
                           routines {
                             ops { code: CAP_COPY a: 19 offset: 8 length: 8 }
                             ops { code: CAP_LOAD dst: 21 a: 19 size: 8 jump: 3 }
                             ops { code: CAP_NEXT a: 21 routine: 0 counted: true }
                           })pb"));
  CHECK(target.Does("pass " + std::to_string(target.data("list"))));
  const auto records = Drain(runtime.get());
  REQUIRE(records.size() == 2);  // one of each
  const bool first = records[0].header.site == logpoint->site_index(0);
  const auto segments = Segments(records[first ? 0 : 1]);
  REQUIRE(segments.size() == 6);
  for (int i = 0; i < 3; ++i) CHECK(segments[2 * i].bytes[0] == 10 + i);
}

TEST_CASE("an endless walk ends and says so") {
  TargetProcess target;
  auto runtime = NewRuntime();
  auto logpoint = Attach(runtime.get(), Request(target, "hit", R"pb(
                           ops { code: CAP_CALL a: 5 routine: 0 }
                           routines { ops { code: CAP_CALL a: 19 routine: 0 } })pb"));
  CHECK(target.Does("pass 1"));
  const auto records = Drain(runtime.get());
  REQUIRE(records.size() == 1);
  CHECK(records[0].header.flags == DLOG_RECORD_STEPS);
  CheckAddsUp(*logpoint);
}

TEST_CASE("the largest record arrives whole") {
  TargetProcess target;
  auto runtime = NewRuntime();
  auto request = Request(target, "hit", R"pb(
    ops { code: CAP_COPY a: 7 offset: -20480 length: 4096 }
    ops { code: CAP_COPY a: 7 offset: -16384 length: 16384 }
    ops { code: CAP_COPY a: 7 offset: -16384 length: 16384 }
    ops { code: CAP_COPY a: 7 offset: -16384 length: 16384 })pb");
  request.capture.event_bytes = ~0u;
  auto logpoint = Attach(runtime.get(), request);
  CHECK(target.Does("pass 1"));
  const auto records = Drain(runtime.get());
  REQUIRE(records.size() == 1);
  CHECK(records[0].header.flags == DLOG_RECORD_BUDGET);
  CHECK(records[0].header.data_bytes <= DLOG_MAX_RECORD_DATA);
  CHECK(records[0].header.data_bytes > DLOG_MAX_READ);
  for (const auto& segment : Segments(records[0])) CHECK(segment.header.status != DLOG_SEGMENT_FAULT);
}

TEST_CASE("a page that is not in RAM is read by the sleepable program only") {
  for (const bool sleepable : {true, false}) {
    TargetProcess target;
    auto runtime = NewRuntime({.sleepable = sleepable});
    auto logpoint = Attach(runtime.get(), Request(target, "hit", R"pb(
                             ops { code: CAP_CSTRING a: 5 length: 64 }
                             ops { code: CAP_COPY a: 5 length: 4 })pb"));
    const std::string answer = target.Command("cold");
    const uint64_t address = std::stoull(answer.substr(5), nullptr, 16);
    REQUIRE(address != 0);
    CHECK(target.Does("pass " + std::to_string(address)));
    const auto records = Drain(runtime.get());
    REQUIRE(records.size() == 1);
    const auto segments = Segments(records[0]);
    REQUIRE(segments.size() == 2);
    if (sleepable) {
      CHECK(segments[0].bytes == std::string("cold but readable\0", 18));
      CHECK(segments[1].bytes == "cold");
    } else {
      CHECK(segments[0].header.status == DLOG_SEGMENT_FAULT);
      CHECK(segments[1].header.status == DLOG_SEGMENT_FAULT);
    }
  }
}

}  // namespace dlog::test
