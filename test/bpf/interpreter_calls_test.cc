// SPDX-License-Identifier: Apache-2.0
//
// The work queue: routines, ranges of objects, depth, cycles, overflow, steps.

#include "bpf/abi.h"
#include "test/bpf/host_interpreter.h"
#include "test/catch.h"

namespace dlog::test {
namespace {

enum : uint32_t { kRunning, kDone };

std::vector<uint64_t> Addresses(const HostInterpreter& run) {
  std::vector<uint64_t> out;
  for (const Segment& segment : run.segments()) out.push_back(segment.address);
  return out;
}

// Routine 0: an object {next} of 8 bytes; follows next unless it is null.
std::vector<dlog_op> FollowNext(uint8_t flags) {
  return {Op(DLOG_OP_LOAD, {.dst = 20, .a = DLOG_CELL_SELF, .jump = 3, .size = 8}),
          Op(DLOG_OP_JUMP_IF_ZERO, {.a = 20, .jump = 2}), Op(DLOG_OP_CALL, {.a = 20, .flags = flags, .routine = 0})};
}

}  // namespace

TEST_CASE("a routine runs with the object's address in its own cell") {
  HostInterpreter run;
  run.memory.MapWord(0x2000, 1);
  run.memory.MapWord(0x2010, 2);
  run.registers[5] = 0x2000;
  run.routines = {{Op(DLOG_OP_COPY, {.a = DLOG_CELL_SELF, .len = 8})}};
  run.capture = {Op(DLOG_OP_CALL, {.a = 5, .off = 0x10}), Op(DLOG_OP_CALL, {.a = 5})};
  CHECK(run.RunCapture() == kDone);
  CHECK(Addresses(run) == std::vector<uint64_t>{0x2010, 0x2000});
}

TEST_CASE("queued work runs breadth first, after the caller") {
  HostInterpreter run;
  for (uint64_t a = 0x2000; a < 0x2100; a += 8) run.memory.MapWord(a, a);
  run.registers[0] = 0x2000;
  run.routines = {{Op(DLOG_OP_COPY, {.a = DLOG_CELL_SELF, .len = 1}),
                   Op(DLOG_OP_CALL, {.a = DLOG_CELL_SELF, .off = 0x40, .routine = 1})},
                  {Op(DLOG_OP_COPY, {.a = DLOG_CELL_SELF, .len = 1})}};
  run.capture = {Op(DLOG_OP_CALL, {.a = 0, .off = 8}), Op(DLOG_OP_CALL, {.a = 0, .off = 16}),
                 Op(DLOG_OP_COPY, {.a = 0, .len = 1})};
  CHECK(run.RunCapture() == kDone);
  CHECK(Addresses(run) == std::vector<uint64_t>{0x2000, 0x2008, 0x2010, 0x2048, 0x2050});
}

TEST_CASE("call-each visits each object of an array up to the cap") {
  HostInterpreter run;
  for (uint64_t a = 0x2000; a < 0x2400; a += 8) run.memory.MapWord(a, a);
  run.registers[0] = 0x2000;
  run.routines = {{Op(DLOG_OP_COPY, {.a = DLOG_CELL_SELF, .len = 4})}};
  run.capture = {Op(DLOG_OP_CALL_EACH, {.a = 0, .b = 1, .size = 24, .len = 4})};
  run.registers[1] = 3;
  CHECK(run.RunCapture() == kDone);
  CHECK(Addresses(run) == std::vector<uint64_t>{0x2000, 0x2018, 0x2030});
  run.registers[1] = ~0ULL;
  CHECK(run.RunCapture() == kDone);
  CHECK(Addresses(run).size() == 4);
  run.registers[1] = 0;
  CHECK(run.RunCapture() == kDone);
  CHECK(Addresses(run).empty());
}

TEST_CASE("an array of a thousand objects takes one queue entry") {
  HostInterpreter run;
  for (uint64_t a = 0x10000; a < 0x10000 + 1000 * 8; a += 8) run.memory.MapWord(a, a);
  run.registers[0] = 0x10000;
  run.registers[1] = 1000;
  run.max_bytes = DLOG_MAX_RECORD_DATA;
  run.routines = {{Op(DLOG_OP_COPY, {.a = DLOG_CELL_SELF, .len = 8})}};
  run.capture = {Op(DLOG_OP_CALL_EACH, {.a = 0, .b = 1, .size = 8, .len = 1000})};
  CHECK(run.RunCapture() == kDone);
  CHECK(run.flags() == 0);
  CHECK(run.segments().size() == 1000);
}

TEST_CASE("pointers are followed to the depth limit") {
  HostInterpreter run;
  for (uint64_t i = 0; i < 10; ++i) run.memory.MapWord(0x2000 + i * 16, 0x2000 + (i + 1) * 16);
  run.registers[0] = 0x2000;
  run.routines = {FollowNext(DLOG_F_DEEPER)};
  run.capture = {Op(DLOG_OP_CALL, {.a = 0})};
  run.max_depth = 3;
  CHECK(run.RunCapture() == kDone);
  CHECK(run.segments().size() == 4);  // the object itself and three pointers away
  run.max_depth = 0;
  CHECK(run.RunCapture() == kDone);
  CHECK(run.segments().size() == 1);
}

TEST_CASE("a cycle of pointers is captured once") {
  HostInterpreter run;
  run.memory.MapWord(0x2000, 0x2010);
  run.memory.MapWord(0x2010, 0x2020);
  run.memory.MapWord(0x2020, 0x2010);
  run.registers[0] = 0x2000;
  run.routines = {FollowNext(DLOG_F_DEEPER)};
  run.capture = {Op(DLOG_OP_CALL, {.a = 0})};
  run.max_depth = 1000;
  CHECK(run.RunCapture() == kDone);
  CHECK(Addresses(run) == std::vector<uint64_t>{0x2000, 0x2010, 0x2020});
  // The next hit starts with a clean set.
  CHECK(run.RunCapture() == kDone);
  CHECK(run.segments().size() == 3);
}

TEST_CASE("a shared pointee is captured once per routine") {
  HostInterpreter run;
  run.memory.MapWord(0x2000, 7);
  run.registers[0] = 0x2000;
  run.routines = {{Op(DLOG_OP_COPY, {.a = DLOG_CELL_SELF, .len = 4})},
                  {Op(DLOG_OP_COPY, {.a = DLOG_CELL_SELF, .len = 8})}};
  for (int i = 0; i < 3; ++i) {
    run.capture.push_back(Op(DLOG_OP_CALL, {.a = 0, .flags = DLOG_F_DEEPER, .routine = 0}));
    run.capture.push_back(Op(DLOG_OP_CALL, {.a = 0, .flags = DLOG_F_DEEPER, .routine = 1}));
  }
  CHECK(run.RunCapture() == kDone);
  REQUIRE(run.segments().size() == 2);
  CHECK(run.segments()[0].length == 4);
  CHECK(run.segments()[1].length == 8);
}

TEST_CASE("many pointees are all captured although the visited set is small") {
  HostInterpreter run;
  constexpr uint64_t kObjects = 300;
  for (uint64_t i = 0; i < kObjects; ++i) {
    run.memory.MapWord(0x10000 + i * 8, 0x20000 + i * 32);
    run.memory.MapWord(0x20000 + i * 32, i);
  }
  run.registers[0] = 0x10000;
  run.registers[1] = kObjects;
  run.max_bytes = DLOG_MAX_RECORD_DATA;
  run.routines = {{Op(DLOG_OP_LOAD, {.dst = 20, .a = DLOG_CELL_SELF, .jump = 2, .size = 8}),
                   Op(DLOG_OP_COPY, {.a = 20, .len = 8})}};
  run.capture = {Op(DLOG_OP_CALL_EACH, {.a = 0, .b = 1, .size = 8, .len = kObjects})};
  CHECK(run.RunCapture() == kDone);
  CHECK(run.segments().size() == 2 * kObjects);
}

TEST_CASE("an overflowing queue keeps what it has and says so") {
  HostInterpreter run;
  run.memory.Map(0x2000, std::vector<uint8_t>(4096, 1));
  run.registers[0] = 0x2000;
  run.routines = {{Op(DLOG_OP_COPY, {.a = DLOG_CELL_SELF, .len = 1})}};
  for (int i = 0; i < DLOG_QUEUE_SIZE + 5; ++i) run.capture.push_back(Op(DLOG_OP_CALL, {.a = 0, .off = i}));
  CHECK(run.RunCapture() == kDone);
  CHECK(run.flags() == DLOG_RECORD_QUEUE);
  CHECK(run.segments().size() == DLOG_QUEUE_SIZE);
}

TEST_CASE("an endless walk ends at the step limit") {
  HostInterpreter run;
  run.memory.MapWord(0x2000, 0x2000);
  run.registers[0] = 0x2000;
  run.routines = {{Op(DLOG_OP_CALL, {.a = DLOG_CELL_SELF})}};
  run.capture = {Op(DLOG_OP_CALL, {.a = 0})};
  CHECK(run.RunCapture() == kDone);
  CHECK(run.flags() == DLOG_RECORD_STEPS);
  CHECK(run.steps() <= DLOG_MAX_STEPS + 1);
}

TEST_CASE("an endless walk that records ends with the budget") {
  HostInterpreter run;
  run.memory.MapWord(0x2000, 0x2000);
  run.registers[0] = 0x2000;
  run.max_bytes = 1024;
  run.routines = {FollowNext(0)};
  run.capture = {Op(DLOG_OP_CALL, {.a = 0})};
  CHECK(run.RunCapture() == kDone);
  CHECK(run.flags() == DLOG_RECORD_BUDGET);
  CHECK(run.data_bytes() <= 1024);
}

TEST_CASE("a fault in one object does not stop the others") {
  HostInterpreter run;
  run.memory.MapWord(0x2000, 0x9999000);  // dangling
  run.memory.MapWord(0x2008, 0x2010);
  run.memory.MapWord(0x2010, 0);
  run.registers[0] = 0x2000;
  run.registers[1] = 2;
  run.routines = {FollowNext(DLOG_F_DEEPER)};
  run.capture = {Op(DLOG_OP_CALL_EACH, {.a = 0, .b = 1, .size = 8, .len = 10})};
  CHECK(run.RunCapture() == kDone);
  const auto segments = run.segments();
  REQUIRE(segments.size() == 4);
  CHECK(segments[2].status == DLOG_SEGMENT_FAULT);
  CHECK(segments[2].address == 0x9999000);
  CHECK(segments[3].address == 0x2010);
}

}  // namespace dlog::test
