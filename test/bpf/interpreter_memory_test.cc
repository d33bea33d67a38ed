// SPDX-License-Identifier: Apache-2.0
//
// Ops that read: loads, copies, strings, faults, cold pages, the byte budget.
#include <numeric>

#include "bpf/abi.h"
#include "test/bpf/host_interpreter.h"
#include "test/catch.h"

namespace dlog::test {
namespace {

enum : uint32_t { kRunning, kDone };

std::vector<uint8_t> Pattern(size_t size) {
  std::vector<uint8_t> bytes(size);
  std::iota(bytes.begin(), bytes.end(), uint8_t{1});
  return bytes;
}

std::vector<uint8_t> Part(const std::vector<uint8_t>& bytes, size_t first, size_t count) {
  return {bytes.begin() + first, bytes.begin() + first + count};
}

}  // namespace

TEST_CASE("a load records its bytes and extends the value") {
  HostInterpreter run;
  run.PoisonData();
  run.memory.MapWord(0x1000, 0x11223344556677f8);
  run.registers[5] = 0x1004;
  run.capture = {Op(DLOG_OP_LOAD, {.dst = 20, .a = 5, .flags = DLOG_F_SIGNED, .jump = 1, .size = 1, .off = -4}),
                 Op(DLOG_OP_LOAD, {.dst = 21, .a = 5, .jump = 1, .size = 4})};
  CHECK(run.RunCapture() == kDone);
  CHECK(int64_t(run.cell(20)) == -8);
  CHECK(run.cell(21) == 0x11223344);
  const auto segments = run.segments();
  REQUIRE(segments.size() == 2);
  CHECK(segments[0].address == 0x1000);
  CHECK(segments[0].bytes == std::vector<uint8_t>{0xf8});
  CHECK(segments[1].bytes == std::vector<uint8_t>{0x44, 0x33, 0x22, 0x11});
}

TEST_CASE("a load that faults says so and jumps") {
  HostInterpreter run;
  run.registers[5] = 0x10;
  run.capture = {Op(DLOG_OP_LOAD, {.dst = 20, .a = 5, .jump = 2, .size = 8}), Op(DLOG_OP_CONST, {.dst = 21, .imm = 1}),
                 Op(DLOG_OP_CONST, {.dst = 22, .imm = 1})};
  CHECK(run.RunCapture() == kDone);
  CHECK(run.cell(21) == 0);
  CHECK(run.cell(22) == 1);
  REQUIRE(run.segments().size() == 1);
  CHECK(run.segments()[0].status == DLOG_SEGMENT_FAULT);
  CHECK(run.segments()[0].address == 0x10);
  CHECK(run.segments()[0].length == 8);
}

TEST_CASE("a copy records exactly what was asked for") {
  HostInterpreter run;
  run.PoisonData();
  const auto bytes = Pattern(100);
  run.memory.Map(0x2000, bytes);
  run.registers[7] = 0x1ff0;
  for (uint32_t length : {1u, 7u, 8u, 9u, 61u})
    run.capture.push_back(Op(DLOG_OP_COPY, {.a = 7, .len = length, .off = 16}));
  run.capture.push_back(Op(DLOG_OP_COPY, {.a = 7, .len = 0}));
  CHECK(run.RunCapture() == kDone);
  const auto segments = run.segments();
  REQUIRE(segments.size() == 5);
  CHECK(segments[4].bytes == Part(bytes, 0, 61));
  CHECK(segments[0].bytes == Part(bytes, 0, 1));
  CHECK(segments[0].status == DLOG_SEGMENT_OK);
}

TEST_CASE("a copy that runs into an unmapped page keeps the readable prefix") {
  HostInterpreter run;
  run.PoisonData();
  const auto bytes = Pattern(5000);
  run.memory.Map(0x5000 - 5000, bytes);  // ends at a page boundary, nothing behind
  run.registers[0] = 0x5000 - 5000 + 10;
  run.capture = {Op(DLOG_OP_COPY, {.a = 0, .len = 12000}), Op(DLOG_OP_CONST, {.dst = 20, .imm = 1})};
  for (const bool sleepable : {false, true}) {
    run.sleepable = sleepable;
    CHECK(run.RunCapture() == kDone);
    CHECK(run.cell(20) == 1);
    const auto segments = run.segments();
    REQUIRE(segments.size() == 2);
    CHECK(segments[0].status == DLOG_SEGMENT_OK);
    CHECK(segments[0].bytes == Part(bytes, 10, 4990));
    CHECK(segments[1].status == DLOG_SEGMENT_FAULT);
    CHECK(segments[1].address == 0x5000);
    CHECK(segments[1].length == 12000 - 4990);
  }
}

TEST_CASE("a copy from nowhere is one fault") {
  HostInterpreter run;
  run.registers[0] = 0xffffffffffffff00;  // and wraps
  run.max_bytes = DLOG_MAX_RECORD_DATA;
  run.capture = {Op(DLOG_OP_COPY, {.a = 0, .len = 16384}), Op(DLOG_OP_COPY, {.a = 1, .len = 16})};
  CHECK(run.RunCapture() == kDone);
  const auto segments = run.segments();
  REQUIRE(segments.size() == 2);
  CHECK(segments[0].status == DLOG_SEGMENT_FAULT);
  CHECK(segments[0].length == 16384);
  CHECK(segments[1].length == 16);
}

TEST_CASE("a cold page is read by the sleepable program and a fault for the plain one") {
  for (const bool sleepable : {false, true}) {
    HostInterpreter run;
    run.sleepable = sleepable;
    run.memory.Map(0x3000, Pattern(8192));
    run.memory.MakeCold(0x4000);
    run.registers[0] = 0x3000;
    run.capture = {Op(DLOG_OP_COPY, {.a = 0, .len = 8192})};
    CHECK(run.RunCapture() == kDone);
    const auto segments = run.segments();
    if (sleepable) {
      REQUIRE(segments.size() == 1);
      CHECK(segments[0].bytes == Pattern(8192));
    } else {
      REQUIRE(segments.size() == 2);
      CHECK(segments[0].length == 4096);
      CHECK(segments[1].status == DLOG_SEGMENT_FAULT);
    }
  }
}

TEST_CASE("a dynamic copy takes the smaller of count and cap") {
  HostInterpreter run;
  run.memory.Map(0x2000, Pattern(4096));
  run.registers[0] = 0x2000;
  run.capture = {Op(DLOG_OP_COPY_DYN, {.a = 0, .b = 1, .size = 4, .len = 64})};
  struct Case {
    uint64_t units;
    uint32_t length;
    uint16_t status;
  };
  for (const Case& c :
       {Case{3, 12, DLOG_SEGMENT_OK}, Case{16, 64, DLOG_SEGMENT_OK}, Case{17, 64, DLOG_SEGMENT_TRUNCATED},
        Case{~0ULL, 64, DLOG_SEGMENT_TRUNCATED}, Case{1ULL << 62, 64, DLOG_SEGMENT_TRUNCATED}}) {
    run.registers[1] = c.units;
    CHECK(run.RunCapture() == kDone);
    REQUIRE(run.segments().size() == 1);
    CHECK(run.segments()[0].length == c.length);
    CHECK(run.segments()[0].status == c.status);
  }
  run.registers[1] = 0;
  CHECK(run.RunCapture() == kDone);
  CHECK(run.segments().empty());
}

TEST_CASE("a string ends with its NUL or at the cap") {
  HostInterpreter run;
  run.PoisonData();
  run.memory.Map(0x2000, std::string("hello"));
  run.registers[0] = 0x2000;
  run.capture = {Op(DLOG_OP_CSTRING, {.a = 0, .len = 100}), Op(DLOG_OP_CSTRING, {.a = 0, .len = 6}),
                 Op(DLOG_OP_CSTRING, {.a = 0, .len = 5}), Op(DLOG_OP_CSTRING, {.a = 0, .len = 2, .off = 1}),
                 Op(DLOG_OP_CSTRING, {.a = 0, .len = 9, .off = 5})};
  CHECK(run.RunCapture() == kDone);
  const auto segments = run.segments();
  REQUIRE(segments.size() == 5);
  const std::string with_nul("hello\0", 6);
  CHECK(segments[0].text() == with_nul);
  CHECK(segments[0].status == DLOG_SEGMENT_OK);
  CHECK(segments[1].text() == with_nul);
  CHECK(segments[1].status == DLOG_SEGMENT_OK);
  CHECK(segments[2].text() == "hello");
  CHECK(segments[2].status == DLOG_SEGMENT_TRUNCATED);
  CHECK(segments[3].text() == "el");
  CHECK(segments[3].address == 0x2001);
  CHECK(segments[4].text() == std::string(1, '\0'));
}

TEST_CASE("a string on cold pages is faulted in page by page and stays one segment") {
  HostInterpreter run;
  run.PoisonData();
  const std::string text(6000, 'x');
  run.memory.Map(0x3000 - 100, text + '\0');
  for (uint64_t page : {0x2000, 0x3000, 0x4000}) run.memory.MakeCold(page);
  run.registers[0] = 0x3000 - 100;
  run.capture = {Op(DLOG_OP_CSTRING, {.a = 0, .len = 16384})};
  CHECK(run.RunCapture() == kDone);
  const auto segments = run.segments();
  REQUIRE(segments.size() == 1);
  CHECK(segments[0].text() == text + '\0');
  CHECK(segments[0].status == DLOG_SEGMENT_OK);
}

TEST_CASE("a cold string whose NUL is the last byte of a page ends there") {
  HostInterpreter run;
  run.memory.Map(0x3000 - 6, std::string("hello"));
  run.memory.MakeCold(0x2000);
  run.registers[0] = 0x3000 - 6;
  run.capture = {Op(DLOG_OP_CSTRING, {.a = 0, .len = 100})};
  CHECK(run.RunCapture() == kDone);
  REQUIRE(run.segments().size() == 1);
  CHECK(run.segments()[0].text() == std::string("hello\0", 6));
}

TEST_CASE("a cold string that fills its cap keeps its last byte and is truncated") {
  HostInterpreter run;
  run.memory.Map(0x2ff0, std::string(64, 'y'));
  run.memory.MakeCold(0x2ff0);
  run.memory.MakeCold(0x3000);
  run.registers[0] = 0x2ff0;
  run.capture = {Op(DLOG_OP_CSTRING, {.a = 0, .len = 32})};
  CHECK(run.RunCapture() == kDone);
  REQUIRE(run.segments().size() == 1);
  CHECK(run.segments()[0].text() == std::string(32, 'y'));
  CHECK(run.segments()[0].status == DLOG_SEGMENT_TRUNCATED);
}

TEST_CASE("a string that runs into an unmapped page keeps its prefix") {
  for (const bool sleepable : {false, true}) {
    HostInterpreter run;
    run.sleepable = sleepable;
    run.memory.Map(0x3000 - 5, std::string("hello"));
    run.registers[0] = 0x3000 - 5;
    run.capture = {Op(DLOG_OP_CSTRING, {.a = 0, .len = 100}), Op(DLOG_OP_CSTRING, {.a = 1, .len = 100})};
    CHECK(run.RunCapture() == kDone);
    const auto segments = run.segments();
    REQUIRE(segments.size() == 3);
    CHECK(segments[0].text() == "hello");
    CHECK(segments[1].status == DLOG_SEGMENT_FAULT);
    CHECK(segments[1].address == 0x3000);
    CHECK(segments[1].length == 95);
    CHECK(segments[2].status == DLOG_SEGMENT_FAULT);
    CHECK(segments[2].address == 0);
  }
}

TEST_CASE("the byte budget cuts the segment that crosses it and ends the capture") {
  HostInterpreter run;
  run.memory.Map(0x2000, Pattern(4096));
  run.registers[0] = 0x2000;
  run.max_bytes = 100;  // 96 usable
  run.capture = {Op(DLOG_OP_COPY, {.a = 0, .len = 32}), Op(DLOG_OP_COPY, {.a = 0, .len = 64}),
                 Op(DLOG_OP_COPY, {.a = 0, .len = 1})};
  CHECK(run.RunCapture() == kDone);
  CHECK(run.flags() == DLOG_RECORD_BUDGET);
  const auto segments = run.segments();
  REQUIRE(segments.size() == 2);
  CHECK(segments[1].length == 96 - 48 - 16);
  CHECK(segments[1].status == DLOG_SEGMENT_TRUNCATED);
}

TEST_CASE("a budget that is spent exactly is not exceeded") {
  HostInterpreter run;
  run.memory.Map(0x2000, Pattern(4096));
  run.registers[0] = 0x2000;
  run.max_bytes = 48;
  run.capture = {Op(DLOG_OP_COPY, {.a = 0, .len = 32})};
  CHECK(run.RunCapture() == kDone);
  CHECK(run.flags() == 0);
  CHECK(run.segments().size() == 1);
  for (dlog_op next : {Op(DLOG_OP_COPY, {.a = 0, .len = 1}), Op(DLOG_OP_CSTRING, {.a = 0, .len = 1}),
                       Op(DLOG_OP_LOAD, {.dst = 20, .a = 0, .jump = 1, .size = 1, .off = 64})}) {
    run.capture = {Op(DLOG_OP_COPY, {.a = 0, .len = 32}), next};
    CHECK(run.RunCapture() == kDone);
    CHECK(run.flags() == DLOG_RECORD_BUDGET);
    CHECK(run.segments().size() == 1);
  }
}

TEST_CASE("a string shorter than what the budget leaves is not a budget loss") {
  for (const bool cold : {false, true}) {
    HostInterpreter run;
    run.memory.Map(0x2000, std::string("hello"));
    if (cold) run.memory.MakeCold(0x2000);
    run.registers[0] = 0x2000;
    run.max_bytes = 80;
    run.capture = {Op(DLOG_OP_CSTRING, {.a = 0, .len = 1000}), Op(DLOG_OP_COPY, {.a = 0, .len = 4})};
    CHECK(run.RunCapture() == kDone);
    CHECK(run.flags() == 0);
    CHECK(run.segments().size() == 2);
  }
}

TEST_CASE("a string cut by the budget is truncated and flagged") {
  for (const bool cold : {false, true}) {
    HostInterpreter run;
    run.memory.Map(0x2000, std::string(200, 'z'));
    if (cold) run.memory.MakeCold(0x2000);
    run.registers[0] = 0x2000;
    run.max_bytes = 80;
    run.capture = {Op(DLOG_OP_CSTRING, {.a = 0, .len = 1000}), Op(DLOG_OP_COPY, {.a = 0, .len = 4})};
    CHECK(run.RunCapture() == kDone);
    CHECK(run.flags() == DLOG_RECORD_BUDGET);
    REQUIRE(run.segments().size() == 1);
    CHECK(run.segments()[0].length == 64);
    CHECK(run.segments()[0].status == DLOG_SEGMENT_TRUNCATED);
  }
}

TEST_CASE("the largest record stays within its bounds") {
  HostInterpreter run;
  run.memory.Map(0x10000, Pattern(16384));
  run.registers[0] = 0x10000;
  run.max_bytes = DLOG_MAX_RECORD_DATA;
  for (int i = 0; i < 4; ++i) run.capture.push_back(Op(DLOG_OP_COPY, {.a = 0, .len = DLOG_MAX_READ}));
  CHECK(run.RunCapture() == kDone);
  CHECK(run.flags() == DLOG_RECORD_BUDGET);
  CHECK(run.data_bytes() == DLOG_MAX_RECORD_DATA);
  CHECK(run.segments().size() == 2);
}

TEST_CASE("a length beyond the limit is clamped") {
  HostInterpreter run;
  run.memory.Map(0x10000, Pattern(65536));
  run.registers[0] = 0x10000;
  run.max_bytes = ~7u;
  run.capture = {Op(DLOG_OP_COPY, {.a = 0, .len = 60000})};
  CHECK(run.RunCapture() == kDone);
  CHECK(run.segments()[0].length == DLOG_MAX_READ);
}

}  // namespace dlog::test
