// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/code/frame_trace.h"

#include <initializer_list>

#include "test/catch.h"

namespace dlog::code {
namespace {

constexpr LinkAddress kEntry{0x1000};
constexpr uint32_t kRbp = 6;
constexpr uint32_t kRsp = 7;

struct Code {
  std::vector<uint8_t> bytes;
  std::vector<size_t> starts;

  Code(std::initializer_list<std::vector<uint8_t>> instructions) {
    for (const auto& instruction : instructions) {
      starts.push_back(bytes.size());
      bytes.insert(bytes.end(), instruction.begin(), instruction.end());
    }
    starts.push_back(bytes.size());
  }
  // As seen from instruction `n`.
  FrameTrace At(size_t n) const { return {bytes, kEntry, {kEntry.value + starts.at(n)}}; }
};

const std::vector<uint8_t> kPushRbp = {0x55};
const std::vector<uint8_t> kMovRbpRsp = {0x48, 0x89, 0xe5};
const std::vector<uint8_t> kStoreRdi = {0x48, 0x89, 0x7d, 0xe8};  // mov [rbp-0x18], rdi
const std::vector<uint8_t> kStoreEsi = {0x89, 0x75, 0xe4};        // mov [rbp-0x1c], esi
const std::vector<uint8_t> kNop = {0x90};
const std::vector<uint8_t> kRet = {0xc3};
const std::vector<uint8_t> kLeave = {0xc9};

TEST_CASE("Stores are known from the instruction behind them on") {
  const Code code{kPushRbp, kMovRbpRsp, kStoreRdi, kStoreEsi, kNop, kRet};
  const FramePlace rdi{0, -0x20};  // rbp = entry rsp - 8
  const FramePlace esi{0, -0x24};
  CHECK_FALSE(code.At(0).Stored(rdi, 8));
  CHECK_FALSE(code.At(2).Stored(rdi, 8));
  CHECK(code.At(3).Stored(rdi, 8));
  CHECK_FALSE(code.At(3).Stored(esi, 4));
  CHECK(code.At(4).Stored(esi, 4));
  CHECK(code.At(5).Register(kRbp) == FramePlace{0, -8});
  CHECK(code.At(5).AlwaysReached());
}

TEST_CASE("Half of a value is not the value") {
  const Code code{{0x48, 0x89, 0x7c, 0x24, 0xe8}, {0x48, 0x89, 0x74, 0x24, 0xf0}, kNop, kRet};  // [rsp-24], [rsp-16]
  CHECK_FALSE(code.At(1).Stored({0, -24}, 16));
  CHECK(code.At(2).Stored({0, -24}, 16));
  // Padding that nobody stores is no reason.
  CHECK(code.At(2).Stored({0, -24}, 20));
}

TEST_CASE("A store that a branch can skip proves nothing") {
  // test edi, edi; je over; mov [rsp-8], rdi; over: nop; ret
  const Code code{{0x85, 0xff}, {0x74, 0x05}, {0x48, 0x89, 0x7c, 0x24, 0xf8}, kNop, kRet};
  CHECK_FALSE(code.At(3).Stored({0, -8}, 8));
  CHECK(code.At(3).AlwaysReached());
}

TEST_CASE("Branches that lead past an address, and returns before it, make it conditional") {
  const Code code{{0x74, 0x02}, kNop, kNop, kNop, kRet, kNop};
  CHECK_FALSE(code.At(2).AlwaysReached());
  CHECK(code.At(3).AlwaysReached());
  CHECK_FALSE(code.At(5).AlwaysReached());
}

TEST_CASE("Alignment of the stack gives places of their own") {
  // push rbp; mov rbp, rsp; and rsp, -64; sub rsp, 8; mov [rsp-0x40], rdi
  const Code code{
      kPushRbp, kMovRbpRsp, {0x48, 0x83, 0xe4, 0xc0}, {0x48, 0x83, 0xec, 0x08}, {0x48, 0x89, 0x7c, 0x24, 0xc0}, kNop,
      kLeave,   kRet};
  const auto rsp = code.At(5).Register(kRsp);
  REQUIRE(rsp.has_value());
  CHECK(rsp->base != 0);
  CHECK(code.At(5).Stored({rsp->base, rsp->offset - 0x40}, 8));
  CHECK_FALSE(code.At(5).Stored({0, rsp->offset - 0x40}, 8));
  CHECK_FALSE(code.At(0).StackPointerSettled());
  CHECK_FALSE(code.At(2).StackPointerSettled());
  CHECK(code.At(5).StackPointerSettled());
}

TEST_CASE("Touching the stack is not storing to it") {
  const Code code{{0x48, 0x83, 0x4c, 0x24, 0xf8, 0x00}, kNop, kRet};  // or qword [rsp-8], 0
  CHECK_FALSE(code.At(1).Stored({0, -8}, 8));
}

TEST_CASE("Code behind an early return continues from the body, not from the epilogue") {
  // push rbp; mov rbp, rsp; mov [rbp-0x18], rdi; je +2; leave; ret; nop
  const Code code{kPushRbp, kMovRbpRsp, kStoreRdi, {0x74, 0x02}, kLeave, kRet, kNop};
  CHECK(code.At(6).Register(kRbp) == FramePlace{0, -8});
  CHECK(code.At(6).Stored({0, -0x20}, 8));
}

TEST_CASE("Undecodable code and addresses outside end the trace without a claim") {
  const Code broken{kPushRbp, {0x06}, kNop};
  CHECK_FALSE(broken.At(2).AlwaysReached());
  CHECK_FALSE(broken.At(2).Register(kRsp).has_value());
  const Code code{kPushRbp, kMovRbpRsp, kStoreRdi};
  const FrameTrace inside(code.bytes, kEntry, {kEntry.value + 2});
  CHECK_FALSE(inside.AlwaysReached());
  CHECK_FALSE(FrameTrace({}, kEntry, kEntry).Stored({0, 0}, 8));
}

}  // namespace
}  // namespace dlog::code
