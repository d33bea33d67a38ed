// SPDX-License-Identifier: Apache-2.0
//
// Ops that compute: constants, arithmetic, conversions, floats, jumps, conditions.
#include <bit>
#include <cmath>
#include <limits>

#include "bpf/abi.h"
#include "test/bpf/host_interpreter.h"
#include "test/catch.h"

namespace dlog::test {
namespace {

enum : uint32_t { kRunning, kDone, kRejected, kError, kBadPlan };

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();

// cell[20] = a <arith> b, or nothing when the op has no result.
struct ArithResult {
  uint32_t verdict;
  uint64_t value;
};
ArithResult Arith(dlog_arith arith, uint64_t a, uint64_t b, bool is_signed) {
  HostInterpreter run;
  run.registers[0] = a;
  run.registers[1] = b;
  run.condition = {
      Op(DLOG_OP_ARITH, {.dst = 20, .a = 0, .b = 1, .arith = uint8_t(arith), .flags = uint8_t(is_signed ? 1 : 0)})};
  const uint32_t verdict = run.RunCondition();
  return {verdict, run.cell(20)};
}

uint64_t Value(dlog_arith arith, int64_t a, int64_t b, bool is_signed) {
  const ArithResult result = Arith(arith, uint64_t(a), uint64_t(b), is_signed);
  CHECK(result.verdict == kDone);
  return result.value;
}

}  // namespace

TEST_CASE("arithmetic wraps at 64 bits") {
  CHECK(Value(DLOG_ARITH_ADD, -1, 2, false) == 1);
  CHECK(Value(DLOG_ARITH_SUB, 1, 2, false) == ~0ULL);
  CHECK(Value(DLOG_ARITH_MUL, 1LL << 40, 1LL << 40, false) == 0);
  CHECK(Value(DLOG_ARITH_AND, 0xf0, 0x3c, false) == 0x30);
  CHECK(Value(DLOG_ARITH_OR, 0xf0, 0x3c, false) == 0xfc);
  CHECK(Value(DLOG_ARITH_XOR, 0xf0, 0x3c, false) == 0xcc);
}

TEST_CASE("signed division rounds toward zero, unsigned does not see a sign") {
  CHECK(int64_t(Value(DLOG_ARITH_DIV, -7, 2, true)) == -3);
  CHECK(int64_t(Value(DLOG_ARITH_DIV, 7, -2, true)) == -3);
  CHECK(int64_t(Value(DLOG_ARITH_DIV, -7, -2, true)) == 3);
  CHECK(int64_t(Value(DLOG_ARITH_MOD, -7, 2, true)) == -1);
  CHECK(int64_t(Value(DLOG_ARITH_MOD, 7, -2, true)) == 1);
  CHECK(Value(DLOG_ARITH_DIV, -7, 2, false) == (~0ULL - 6) / 2);
  CHECK(Value(DLOG_ARITH_MOD, -7, 10, false) == (~0ULL - 6) % 10);
}

TEST_CASE("the smallest integer divided by minus one wraps") {
  CHECK(int64_t(Value(DLOG_ARITH_DIV, kMin, -1, true)) == kMin);
  CHECK(Value(DLOG_ARITH_MOD, kMin, -1, true) == 0);
}

TEST_CASE("a condition that divides by zero or shifts too far is an error") {
  CHECK(Arith(DLOG_ARITH_DIV, 1, 0, false).verdict == kError);
  CHECK(Arith(DLOG_ARITH_DIV, 1, 0, true).verdict == kError);
  CHECK(Arith(DLOG_ARITH_MOD, 1, 0, true).verdict == kError);
  CHECK(Arith(DLOG_ARITH_SHL, 1, 64, false).verdict == kError);
  CHECK(Arith(DLOG_ARITH_SHR, 1, uint64_t(-1), true).verdict == kError);
  CHECK(Arith(DLOG_ARITH_CODES, 1, 1, false).verdict == kError);
}

TEST_CASE("shifts") {
  CHECK(Value(DLOG_ARITH_SHL, 1, 63, false) == 1ULL << 63);
  CHECK(Value(DLOG_ARITH_SHR, -8, 1, false) == (~0ULL - 7) >> 1);
  CHECK(int64_t(Value(DLOG_ARITH_SHR, -8, 1, true)) == -4);
}

TEST_CASE("comparisons follow the sign flag") {
  for (const bool is_signed : {false, true}) {
    const auto check = [&](int64_t a, int64_t b, bool less) {
      CHECK(Value(DLOG_ARITH_LT, a, b, is_signed) == less);
      CHECK(Value(DLOG_ARITH_GE, a, b, is_signed) == !less);
      CHECK(Value(DLOG_ARITH_GT, b, a, is_signed) == less);
      CHECK(Value(DLOG_ARITH_LE, b, a, is_signed) == !less);
    };
    check(1, 2, true);
    check(2, 2, false);
    check(-1, 1, is_signed);
    CHECK(Value(DLOG_ARITH_EQ, -1, -1, is_signed) == 1);
    CHECK(Value(DLOG_ARITH_NE, -1, -1, is_signed) == 0);
  }
}

TEST_CASE("constants, moves and unary ops") {
  HostInterpreter run;
  run.registers[3] = 5;
  run.condition = {Op(DLOG_OP_CONST, {.dst = 20, .imm = -9}),
                   Op(DLOG_OP_MOVE, {.dst = 21, .a = 20}),
                   Op(DLOG_OP_NEG, {.dst = 22, .a = 21}),
                   Op(DLOG_OP_BIT_NOT, {.dst = 23, .a = 3}),
                   Op(DLOG_OP_NOT, {.dst = 24, .a = 3}),
                   Op(DLOG_OP_NOT, {.dst = 25, .a = 24}),
                   Op(DLOG_OP_ARITH_IMM, {.dst = 26, .a = 3, .arith = DLOG_ARITH_MUL, .imm = 1LL << 40})};
  CHECK(run.RunCondition() == kDone);
  CHECK(int64_t(run.cell(20)) == -9);
  CHECK(int64_t(run.cell(21)) == -9);
  CHECK(run.cell(22) == 9);
  CHECK(run.cell(23) == ~5ULL);
  CHECK(run.cell(24) == 0);
  CHECK(run.cell(25) == 1);
  CHECK(run.cell(26) == 5ULL << 40);
}

TEST_CASE("extension takes the low bytes and the sign when asked") {
  HostInterpreter run;
  run.registers[0] = 0x1122334455668788;
  for (uint32_t size : {1u, 2u, 4u, 8u}) {
    for (uint8_t flags : {0, 1})
      run.condition.push_back(
          Op(DLOG_OP_EXTEND, {.dst = uint8_t(20 + size * 2 + flags), .a = 0, .flags = flags, .size = size}));
  }
  CHECK(run.RunCondition() == kDone);
  CHECK(run.cell(22) == 0x88);
  CHECK(run.cell(23) == 0xffffffffffffff88);
  CHECK(run.cell(24) == 0x8788);
  CHECK(run.cell(25) == 0xffffffffffff8788);
  CHECK(run.cell(28) == 0x55668788);
  CHECK(run.cell(29) == 0x55668788);
  CHECK(run.cell(36) == run.registers[0]);
  CHECK(run.cell(37) == run.registers[0]);
}

TEST_CASE("bitfields") {
  HostInterpreter run;
  run.registers[0] = 0xf000000000000abc;
  run.condition = {Op(DLOG_OP_BITFIELD, {.dst = 20, .a = 0, .len = 4, .off = 4}),
                   Op(DLOG_OP_BITFIELD, {.dst = 21, .a = 0, .flags = DLOG_F_SIGNED, .len = 4, .off = 4}),
                   Op(DLOG_OP_BITFIELD, {.dst = 22, .a = 0, .len = 1, .off = 63}),
                   Op(DLOG_OP_BITFIELD, {.dst = 23, .a = 0, .len = 64, .off = 0}),
                   Op(DLOG_OP_BITFIELD, {.dst = 24, .a = 0, .flags = DLOG_F_SIGNED, .len = 1, .off = 63})};
  CHECK(run.RunCondition() == kDone);
  CHECK(run.cell(20) == 0xb);
  CHECK(int64_t(run.cell(21)) == -5);
  CHECK(run.cell(22) == 1);
  CHECK(run.cell(23) == run.registers[0]);
  CHECK(run.cell(24) == ~0ULL);
}

TEST_CASE("floats compare as the processor compares them") {
  const double nan = std::nan(""), inf = INFINITY, tiny = std::numeric_limits<double>::denorm_min();
  const double values[] = {-inf, -1.5, -1.0, -tiny, -0.0, 0.0, tiny, 1.0, 1.5, 1e300, inf, nan, -nan};
  for (double a : values) {
    for (double b : values) {
      HostInterpreter run;
      run.registers[0] = std::bit_cast<uint64_t>(a);
      run.registers[1] = std::bit_cast<uint64_t>(b);
      for (uint8_t code = DLOG_ARITH_EQ; code <= DLOG_ARITH_GE; ++code) {
        run.condition.push_back(Op(DLOG_OP_FLOAT_CMP, {.dst = uint8_t(20 + code), .a = 0, .b = 1, .arith = code}));
      }
      INFO(a << " and " << b);
      CHECK(run.RunCondition() == kDone);
      CHECK(run.cell(20 + DLOG_ARITH_EQ) == (a == b));
      CHECK(run.cell(20 + DLOG_ARITH_NE) == (a != b));
      CHECK(run.cell(20 + DLOG_ARITH_LT) == (a < b));
      CHECK(run.cell(20 + DLOG_ARITH_LE) == (a <= b));
      CHECK(run.cell(20 + DLOG_ARITH_GT) == (a > b));
      CHECK(run.cell(20 + DLOG_ARITH_GE) == (a >= b));
    }
  }
}

TEST_CASE("an arithmetic operator between floats is a bad plan") {
  HostInterpreter run;
  run.condition = {Op(DLOG_OP_FLOAT_CMP, {.dst = 20, .a = 0, .b = 1, .arith = DLOG_ARITH_ADD})};
  CHECK(run.RunCondition() == kBadPlan);
}

TEST_CASE("binary32 widens to the same number") {
  std::vector<uint32_t> patterns = {0,          0x80000000, 0x7f800000, 0xff800000,
                                    0x7f7fffff, 0x00800000, 0x007fffff, 0x3f800000};
  for (int bit = 0; bit < 23; ++bit) {
    patterns.push_back(1u << bit);               // subnormal
    patterns.push_back(0x80000000 | 3u << bit);  // subnormal or small normal
    patterns.push_back(0x42280000 | 1u << bit);
  }
  for (uint32_t bits : patterns) {
    HostInterpreter run;
    run.registers[0] = bits;
    run.condition = {Op(DLOG_OP_FLOAT_WIDEN, {.dst = 20, .a = 0})};
    INFO(std::hex << bits);
    CHECK(run.RunCondition() == kDone);
    CHECK(run.cell(20) == std::bit_cast<uint64_t>(static_cast<double>(std::bit_cast<float>(bits))));
  }
  HostInterpreter run;
  run.registers[0] = 0x7fc00001;
  run.condition = {Op(DLOG_OP_FLOAT_WIDEN, {.dst = 20, .a = 0})};
  CHECK(run.RunCondition() == kDone);
  CHECK(std::isnan(std::bit_cast<double>(run.cell(20))));
}

TEST_CASE("jumps skip what lies between") {
  HostInterpreter run;
  run.registers[0] = 0;
  run.registers[1] = 1;
  run.condition = {Op(DLOG_OP_CONST, {.dst = 20, .imm = 1}), Op(DLOG_OP_JUMP_IF_ZERO, {.a = 0, .jump = 2}),
                   Op(DLOG_OP_CONST, {.dst = 20, .imm = 2}), Op(DLOG_OP_JUMP_IF_ZERO, {.a = 1, .jump = 2}),
                   Op(DLOG_OP_CONST, {.dst = 21, .imm = 3}), Op(DLOG_OP_JUMP_IF_NOT_ZERO, {.a = 1, .jump = 2}),
                   Op(DLOG_OP_CONST, {.dst = 21, .imm = 4}), Op(DLOG_OP_JUMP_IF_NOT_ZERO, {.a = 0, .jump = 2}),
                   Op(DLOG_OP_CONST, {.dst = 22, .imm = 5}), Op(DLOG_OP_JUMP, {.jump = 2}),
                   Op(DLOG_OP_CONST, {.dst = 22, .imm = 6})};
  CHECK(run.RunCondition() == kDone);
  CHECK(run.cell(20) == 1);
  CHECK(run.cell(21) == 3);
  CHECK(run.cell(22) == 5);
}

TEST_CASE("a condition passes, rejects, or stops at the first rejection") {
  HostInterpreter run;
  run.registers[0] = 7;
  run.condition = {Op(DLOG_OP_ARITH_IMM, {.dst = 20, .a = 0, .arith = DLOG_ARITH_EQ, .imm = 7}),
                   Op(DLOG_OP_REJECT_IF_ZERO, {.a = 20}), Op(DLOG_OP_CONST, {.dst = 21, .imm = 1})};
  CHECK(run.RunCondition() == kDone);
  CHECK(run.cell(21) == 1);
  run.registers[0] = 8;
  run.SetCell(21, 0);
  CHECK(run.RunCondition() == kRejected);
  CHECK(run.cell(21) == 0);
}

TEST_CASE("a load in a condition gives the value and records nothing") {
  HostInterpreter run;
  run.memory.MapWord(0x1000, 0xfffffffffffffffe);
  run.registers[5] = 0xff8;
  run.condition = {Op(DLOG_OP_LOAD, {.dst = 20, .a = 5, .flags = DLOG_F_SIGNED, .size = 4, .off = 8})};
  CHECK(run.RunCondition() == kDone);
  CHECK(int64_t(run.cell(20)) == -2);
  CHECK(run.data_bytes() == 0);
}

TEST_CASE("a fault in a condition is an error whatever its jump says") {
  HostInterpreter run;
  run.condition = {Op(DLOG_OP_LOAD, {.dst = 20, .a = 5, .jump = 1, .size = 8}),
                   Op(DLOG_OP_CONST, {.dst = 21, .imm = 1})};
  CHECK(run.RunCondition() == kError);
}

TEST_CASE("ops of the wrong kind, unknown ops and entries out of bounds are a bad plan") {
  HostInterpreter run;
  for (dlog_op_code code :
       {DLOG_OP_COPY, DLOG_OP_COPY_DYN, DLOG_OP_CSTRING, DLOG_OP_CALL, DLOG_OP_CALL_EACH, DLOG_OP_CODES}) {
    run.condition = {Op(code)};
    CHECK(run.RunCondition() == kBadPlan);
  }
  run.condition.clear();
  run.capture = {Op(DLOG_OP_REJECT_IF_ZERO)};
  CHECK(run.RunCapture() == kBadPlan);
  run.capture = {Op(DLOG_OP_CODES)};
  CHECK(run.RunCapture() == kBadPlan);
  run.capture = {Op(DLOG_OP_LOAD, {.dst = 20, .size = 0})};
  CHECK(run.RunCapture() == kBadPlan);
  run.capture = {Op(DLOG_OP_CALL, {.routine = 5})};
  CHECK(run.RunCapture() == kBadPlan);
}

TEST_CASE("an unwritten table entry ends the range") {
  HostInterpreter run;
  run.condition = {Op(DLOG_OP_END), Op(DLOG_OP_CONST, {.dst = 20, .imm = 1})};
  CHECK(run.RunCondition() == kDone);
  CHECK(run.cell(20) == 0);
}

TEST_CASE("in a capture an op without a result abandons the rest of its range only") {
  HostInterpreter run;
  run.memory.MapWord(0x1000, 1);
  run.registers[0] = 0x1000;
  run.routines = {{Op(DLOG_OP_COPY, {.a = DLOG_CELL_SELF, .len = 4})}};
  run.capture = {Op(DLOG_OP_CALL, {.a = 0}),
                 Op(DLOG_OP_ARITH_IMM, {.dst = 20, .a = 0, .arith = DLOG_ARITH_SHL, .imm = 64}),
                 Op(DLOG_OP_COPY, {.a = 0, .len = 8})};
  CHECK(run.RunCapture() == kDone);
  REQUIRE(run.segments().size() == 1);
  CHECK(run.segments()[0].length == 4);
}

TEST_CASE("the duration of a call is a value, an error for a condition and a jump for a capture when it is not known") {
  HostInterpreter run;
  run.condition = {Op(DLOG_OP_DURATION, {.dst = 20, .jump = 1})};
  CHECK(run.RunCondition() == kError);
  run.capture = {Op(DLOG_OP_CONST, {.dst = 20, .imm = 5}), Op(DLOG_OP_DURATION, {.dst = 20, .jump = 2}),
                 Op(DLOG_OP_CONST, {.dst = 21, .imm = 7})};
  CHECK(run.RunCapture() == kDone);
  CHECK(run.cell(20) == 5);
  CHECK(run.cell(21) != 7);
  run.duration = 1234;
  CHECK(run.RunCondition() == kDone);
  CHECK(run.cell(20) == 1234);
  CHECK(run.RunCapture() == kDone);
  CHECK(run.cell(20) == 1234);
  CHECK(run.cell(21) == 7);
}

}  // namespace dlog::test
