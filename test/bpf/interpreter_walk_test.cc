// SPDX-License-Identifier: Apache-2.0
//
// Walks over linked objects, loads from what was recorded already, and words that are read again at the end.
#include "bpf/abi.h"
#include "test/bpf/host_interpreter.h"
#include "test/catch.h"

namespace dlog::test {
namespace {

enum : uint32_t { kRunning, kDone };

constexpr uint64_t kNode = 0x10000;
constexpr uint64_t kStride = 0x40;

// A chain of `count` nodes {next, value}, at kNode, kNode + kStride, ...; `last` is the next of the last one.
void MapChain(FakeMemory* memory, uint64_t count, uint64_t last) {
  for (uint64_t i = 0; i < count; ++i) {
    memory->MapWord(kNode + i * kStride, i + 1 < count ? kNode + (i + 1) * kStride : last);
    memory->MapWord(kNode + i * kStride + 8, 100 + i);
  }
}

// Routine 0: copies a node, goes on with its next.
std::vector<dlog_op> Step() {
  return {Op(DLOG_OP_COPY, {.a = DLOG_CELL_SELF, .len = 16}),
          Op(DLOG_OP_LOAD, {.dst = 21, .a = DLOG_CELL_SELF, .jump = 2, .size = 8}),
          Op(DLOG_OP_NEXT, {.a = 21, .flags = DLOG_F_COUNT, .routine = 0})};
}

HostInterpreter WalkOver(uint64_t count) {
  HostInterpreter run;
  run.registers[0] = kNode;
  run.registers[1] = count;
  run.routines = {Step()};
  run.capture = {Op(DLOG_OP_WALK, {.a = 0, .b = 1, .len = 10, .routine = 0})};
  return run;
}

}  // namespace

TEST_CASE("a walk goes from node to node until there is none") {
  HostInterpreter run = WalkOver(10);
  MapChain(&run.memory, 3, 0);
  CHECK(run.RunCapture() == kDone);
  CHECK(run.flags() == 0);
  REQUIRE(run.segments().size() == 3);
  CHECK(run.segments()[2].address == kNode + 2 * kStride);
}

TEST_CASE("a walk ends at the number of objects, and at its cap") {
  HostInterpreter run = WalkOver(2);
  MapChain(&run.memory, 50, 0);
  CHECK(run.RunCapture() == kDone);
  CHECK(run.segments().size() == 2);
  run.registers[1] = ~uint64_t{0};
  CHECK(run.RunCapture() == kDone);
  CHECK(run.segments().size() == 10);
  run.registers[1] = 0;
  CHECK(run.RunCapture() == kDone);
  CHECK(run.segments().empty());
}

TEST_CASE("a circular chain ends at the cap") {
  HostInterpreter run = WalkOver(1000);
  MapChain(&run.memory, 2, kNode);
  CHECK(run.RunCapture() == kDone);
  CHECK(run.segments().size() == 10);
}

TEST_CASE("a walk whose steps never reach an object runs out of fuel") {
  HostInterpreter run = WalkOver(10);
  MapChain(&run.memory, 2, kNode);
  run.routines[0][2].flags = 0;  // steps between objects only
  run.routines[0].erase(run.routines[0].begin());
  CHECK(run.RunCapture() == kDone);
  CHECK(run.segments().size() <= 4 * 10 + 128);
  CHECK(run.steps() < 1000);
}

TEST_CASE("a node that cannot be read ends the walk") {
  HostInterpreter run = WalkOver(10);
  MapChain(&run.memory, 2, 0xdead000);
  CHECK(run.RunCapture() == kDone);
  const auto segments = run.segments();
  REQUIRE(segments.size() == 4);
  CHECK(segments[2].status == DLOG_SEGMENT_FAULT);
  CHECK(segments[3].status == DLOG_SEGMENT_FAULT);
}

TEST_CASE("what a node holds is followed after the walk, with the caller's parameter at hand") {
  HostInterpreter run = WalkOver(10);
  MapChain(&run.memory, 3, 0);
  run.capture[0].dst = 5;
  run.registers[5] = 0x77;
  run.routines[0].push_back(Op(DLOG_OP_CALL, {.a = DLOG_CELL_SELF, .off = 8, .routine = 1}));
  run.routines[0].push_back(Op(DLOG_OP_MOVE, {.dst = 40, .a = DLOG_CELL_PARAM}));
  run.routines.push_back({Op(DLOG_OP_COPY, {.a = DLOG_CELL_SELF, .len = 8})});
  CHECK(run.RunCapture() == kDone);
  CHECK(run.cell(40) == 0x77);
  const auto segments = run.segments();
  REQUIRE(segments.size() == 6);
  CHECK(segments[2].address == kNode + 2 * kStride);
  CHECK(segments[3].address == kNode + 8);
}

TEST_CASE("a load of bytes that were just copied neither reads nor records them again") {
  HostInterpreter run;
  run.memory.MapWord(0x2000, 0x1122334455667788);
  run.memory.MapWord(0x2008, 0x99);
  run.registers[0] = 0x2000;
  run.capture = {Op(DLOG_OP_COPY, {.a = 0, .len = 12}),
                 Op(DLOG_OP_LOAD, {.dst = 20, .a = 0, .flags = DLOG_F_SIGNED, .jump = 1, .size = 2, .off = 6}),
                 Op(DLOG_OP_LOAD, {.dst = 21, .a = 0, .flags = DLOG_F_SIGNED, .jump = 1, .size = 1, .off = 0}),
                 Op(DLOG_OP_LOAD, {.dst = 22, .a = 0, .jump = 1, .size = 8, .off = 8})};
  CHECK(run.RunCapture() == kDone);
  CHECK(run.cell(20) == 0x1122);
  CHECK(run.cell(21) == static_cast<uint64_t>(int64_t{0x88} - 0x100));
  CHECK(run.cell(22) == 0x99);
  // The last one reaches beyond what was copied.
  CHECK(run.segments().size() == 2);
  CHECK(run.memory.reads == 2);
}

TEST_CASE("queued work finds what its caller had copied") {
  HostInterpreter run;
  run.memory.MapWord(0x2000, 7);
  run.memory.MapWord(0x3000, 8);
  run.registers[0] = 0x2000;
  run.registers[1] = 0x3000;
  run.routines = {{Op(DLOG_OP_LOAD, {.dst = 21, .a = DLOG_CELL_SELF, .jump = 1, .size = 8})}};
  run.capture = {Op(DLOG_OP_COPY, {.a = 0, .len = 8}), Op(DLOG_OP_CALL, {.a = 0}),
                 Op(DLOG_OP_COPY, {.a = 1, .len = 8})};
  CHECK(run.RunCapture() == kDone);
  CHECK(run.cell(21) == 7);
  CHECK(run.memory.reads == 2);
}

TEST_CASE("a quiet load leaves no segment") {
  HostInterpreter run;
  run.memory.MapWord(0x2000, 7);
  run.registers[0] = 0x2000;
  run.capture = {Op(DLOG_OP_LOAD, {.dst = 20, .a = 0, .flags = DLOG_F_QUIET, .jump = 1, .size = 8})};
  CHECK(run.RunCapture() == kDone);
  CHECK(run.cell(20) == 7);
  CHECK(run.segments().empty());
}

TEST_CASE("a word that changes during the capture is reported, one that stays is not") {
  for (const bool changes : {false, true}) {
    HostInterpreter run;
    run.memory.MapWord(0x2000, 3);
    run.memory.Map(0x3000, std::string("abc"));
    run.registers[0] = 0x2000;
    run.registers[1] = 0x3000;
    run.capture = {Op(DLOG_OP_LOAD, {.dst = 20, .a = 0, .flags = DLOG_F_CHECK, .jump = 1, .size = 4}),
                   Op(DLOG_OP_COPY_DYN, {.a = 1, .b = 20, .size = 1, .len = 64})};
    if (changes) {
      run.memory.before_read = [&](int read) {
        if (read == 2) run.memory.MapWord(0x2000, 4);
      };
    }
    CHECK(run.RunCapture() == kDone);
    const auto segments = run.segments();
    REQUIRE(segments.size() == (changes ? 3 : 2));
    if (!changes) continue;
    CHECK(segments[2].status == DLOG_SEGMENT_TORN);
    CHECK(segments[2].address == 0x2000);
    CHECK(segments[2].length == 4);
  }
}

TEST_CASE("more words to check than there is room for are checked early, and none is forgotten") {
  HostInterpreter run;
  constexpr int kWords = DLOG_MAX_CHECKS + 50;
  run.memory.Map(0x2000, std::vector<uint8_t>(kWords * 8));
  run.registers[0] = 0x2000;
  run.max_bytes = DLOG_MAX_RECORD_DATA;
  for (int i = 0; i < kWords; ++i) {
    run.capture.push_back(Op(
        DLOG_OP_LOAD, {.dst = 20, .a = 0, .flags = DLOG_F_CHECK | DLOG_F_QUIET, .jump = 1, .size = 8, .off = i * 8}));
  }
  // Each word changes right after it was read.
  int word = 0;
  run.memory.before_read = [&](int read) {
    if (read > 1 && word < kWords) run.memory.MapWord(0x2000 + 8 * static_cast<uint64_t>(word++), 1);
  };
  CHECK(run.RunCapture() == kDone);
  size_t torn = 0;
  for (const Segment& segment : run.segments()) torn += segment.status == DLOG_SEGMENT_TORN;
  CHECK(torn > kWords / 2);
  CHECK(run.flags() == 0);
}

TEST_CASE("without room for the report the record says that something is torn") {
  HostInterpreter run;
  run.memory.MapWord(0x2000, 3);
  run.registers[0] = 0x2000;
  run.max_bytes = 24;
  run.capture = {Op(DLOG_OP_LOAD, {.dst = 20, .a = 0, .flags = DLOG_F_CHECK, .jump = 1, .size = 8})};
  run.memory.before_read = [&](int read) {
    if (read == 2) run.memory.MapWord(0x2000, 4);
  };
  CHECK(run.RunCapture() == kDone);
  CHECK(run.flags() == DLOG_RECORD_TORN);
}

TEST_CASE("checks are made even when the budget or the steps have ended the capture") {
  HostInterpreter run;
  run.memory.Map(0x2000, std::vector<uint8_t>(4096));
  run.registers[0] = 0x2000;
  run.max_bytes = 128;
  run.capture = {Op(DLOG_OP_LOAD, {.dst = 20, .a = 0, .flags = DLOG_F_CHECK, .jump = 1, .size = 8}),
                 Op(DLOG_OP_COPY, {.a = 0, .len = 1000, .off = 64})};
  run.memory.before_read = [&](int read) {
    if (read == 2) run.memory.MapWord(0x2000, 4);
  };
  CHECK(run.RunCapture() == kDone);
  CHECK(run.flags() == (DLOG_RECORD_BUDGET | DLOG_RECORD_TORN));
}

TEST_CASE("an op without a result goes on at its jump in a capture") {
  HostInterpreter run;
  run.memory.MapWord(0x2000, 3);
  run.registers[0] = 0x2000;
  run.capture = {Op(DLOG_OP_CONST, {.dst = 20}),
                 Op(DLOG_OP_ARITH, {.dst = 21, .a = 0, .b = 20, .arith = DLOG_ARITH_DIV, .jump = 2}),
                 Op(DLOG_OP_COPY, {.a = 0, .len = 4}), Op(DLOG_OP_COPY, {.a = 0, .len = 8})};
  CHECK(run.RunCapture() == kDone);
  REQUIRE(run.segments().size() == 1);
  CHECK(run.segments()[0].length == 8);
}

}  // namespace dlog::test
