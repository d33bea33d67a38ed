// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/code/site_mover.h"

#include <map>
#include <string>
#include <vector>

#include "test/catch.h"

namespace dlog::code {
namespace {

using Memory = CaptureInputs::Memory;
using Bytes = std::vector<uint8_t>;

constexpr uint64_t kStart = 0x1000;
constexpr uint32_t kRax = 1u << 0;
constexpr uint32_t kRdi = 1u << 5;

const Bytes kNopw = {0x66, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0};  // nine bytes: stepped
const Bytes kMovEaxEdi = {0x89, 0xf8};
const Bytes kMovEdiEax = {0x89, 0xc7};
const Bytes kStoreRsp8 = {0x48, 0x89, 0x44, 0x24, 0x08};
const Bytes kStoreRcx = {0x48, 0x89, 0x01};
const Bytes kSubRsp = {0x48, 0x83, 0xec, 0x18};
const Bytes kPopRbx = {0x5b};
const Bytes kPushRbx = {0x53};
const Bytes kCall = {0xe8, 0x00, 0x01, 0, 0};
const Bytes kIndirectCall = {0xff, 0xd0};
const Bytes kRet = {0xc3};

struct Code {
  Bytes bytes = kNopw;  // the function's start is never a straight continuation
  std::vector<uint64_t> at;

  Code(std::initializer_list<Bytes> instructions) {
    for (const Bytes& instruction : instructions) {
      at.push_back(kStart + bytes.size());
      bytes.insert(bytes.end(), instruction.begin(), instruction.end());
    }
  }
  // From instruction `n`; the CFA is rsp + 32 there and rsp + 32 + `grown` further on.
  MoveSearch Search(size_t n, const CaptureInputs& inputs, int64_t grown = 0) const {
    Image image;
    image.text = {{LinkAddress{kStart}, bytes}};
    const FunctionFlow flow(image, image.text);
    return FindMoves(flow, LinkAddress{at[n]}, inputs, [&](LinkAddress address) {
      return FramePosition{7, address.value <= at[n] ? 32 : 32 + grown};
    });
  }
  std::vector<Move> Moves(size_t n, const CaptureInputs& inputs, int64_t grown = 0) const {
    return Search(n, inputs, grown).moves;
  }
  uint64_t MovedTo(size_t n, const CaptureInputs& inputs, int64_t grown = 0) const {
    const auto moves = Moves(n, inputs, grown);
    return moves.empty() ? 0 : moves[0].probe.value;
  }
};

uint64_t Evaluate(const RegisterSum& sum, const std::map<size_t, uint64_t>& registers) {
  uint64_t value = sum.constant;
  for (const auto& [reg, content] : registers) value += sum.factors[reg] * content;
  return value;
}

CaptureInputs Registers(uint32_t gprs) {
  CaptureInputs inputs;
  inputs.gprs = gprs;
  return inputs;
}

CaptureInputs MemoryInputs(Memory memory, std::vector<CaptureInputs::Slot> slots = {}) {
  CaptureInputs inputs;
  inputs.memory = memory;
  inputs.slots = std::move(slots);
  return inputs;
}

}  // namespace

TEST_CASE("A probe moves on to the next emulated instruction, over what leaves its inputs alone") {
  const Code code({kMovEaxEdi, kNopw, kCall, kRet});
  CHECK(code.MovedTo(0, Registers(kRdi)) == code.at[2]);
  CHECK(code.MovedTo(0, Registers(0)) == code.at[2]);
  CHECK(code.MovedTo(0, Registers(kRax)) == 0);
  const auto moves = code.Moves(0, Registers(kRdi));
  REQUIRE(moves.size() == 1);
  CHECK(moves[0].forward);
  CHECK(moves[0].between == std::vector<std::string>{"mov eax, edi", "nop [rax+rax*1], ax"});
  CHECK(moves[0].instruction.probe_class == ProbeClass::kEmulated);
  CHECK(moves[0].reason.find("2 instructions on; no store between") == 0);
}

TEST_CASE("A probe never moves past a call, a return or a place that others jump to") {
  CHECK(Code({kMovEaxEdi, kIndirectCall, kCall}).MovedTo(0, Registers(0)) == 0);
  CHECK(Code({kMovEaxEdi, kRet, kCall}).MovedTo(0, Registers(0)) == 0);
  // jmp back to the call, over which the statement would have been moved to
  const Code joined({kMovEaxEdi, kNopw, kCall, {0xeb, 0xf9}});
  CHECK(joined.MovedTo(0, Registers(0)) == 0);
}

TEST_CASE("Without captured memory any store may be passed, with it only what is proven to be elsewhere") {
  const Code anywhere({kStoreRcx, kCall});
  CHECK(anywhere.MovedTo(0, Registers(kRdi)) != 0);
  CHECK(anywhere.MovedTo(0, MemoryInputs(Memory::kFrame, {{-8, 0}})) == 0);
  CHECK(anywhere.MovedTo(0, MemoryInputs(Memory::kAny)) == 0);

  const Code slot({kStoreRsp8, kCall});  // rsp + 8 = CFA - 24
  CHECK(slot.MovedTo(0, MemoryInputs(Memory::kFrame, {{-8, 0}, {-32, -24}})) != 0);
  CHECK(slot.MovedTo(0, MemoryInputs(Memory::kFrame, {{-20, -16}})) == 0);
  // No pointer leads to it while the function makes no address of its frame.
  CHECK(slot.MovedTo(0, MemoryInputs(Memory::kAny)) != 0);
  CHECK(slot.MovedTo(0, MemoryInputs(Memory::kAny, {{-20, -16}})) == 0);
  const Code leaks({kStoreRsp8, kCall, {0x48, 0x8d, 0x7c, 0x24, 0x08}});  // lea rdi, [rsp+8]
  CHECK(leaks.MovedTo(0, MemoryInputs(Memory::kAny)) == 0);
}

TEST_CASE("Memory that the stack gives up is not captured later") {
  const Code code({kPopRbx, kCall});
  CHECK(code.MovedTo(0, Registers(0), -8) != 0);
  CHECK(code.MovedTo(0, MemoryInputs(Memory::kFrame, {{-8, 0}}), -8) == 0);
  const Code grows({kSubRsp, kCall});
  CHECK(grows.MovedTo(0, MemoryInputs(Memory::kFrame, {{-8, 0}}), 24) != 0);
}

TEST_CASE("A captured register that was overwritten is computed from the others") {
  // lea rax, [rdi+rdi*2]; add rax, rsi; mov rdi, rax; call
  const Code code({{0x48, 0x8d, 0x04, 0x7f}, {0x48, 0x01, 0xf0}, {0x48, 0x89, 0xc7}, kCall});
  const auto moves = code.Moves(0, Registers(kRdi | 1u << 4));
  REQUIRE(moves.size() == 1);
  REQUIRE(moves[0].recovered.size() == 1);
  CHECK(moves[0].recovered[0].reg == 5);
  // With rdi = 7 and rsi = 5 rax is 26 at the call.
  CHECK(Evaluate(moves[0].recovered[0].value, {{0, 26}, {4, 5}, {5, 26}}) == 7);
  CHECK(code.MovedTo(0, Registers(kRdi | kRax)) == 0);
}

TEST_CASE("A copy made before the statement stands in for a register that is overwritten behind it") {
  const Bytes mov_rbx_rdi = {0x48, 0x89, 0xfb};
  const Bytes load_rdi = {0x48, 0x8b, 0x3f};
  const Code code({mov_rbx_rdi, load_rdi, kCall});
  const auto moves = code.Moves(1, Registers(kRdi));
  REQUIRE(moves.size() == 1);
  CHECK(moves[0].reason.find("rdi was rbx") != std::string::npos);
  // Not when others come to the statement without making the copy.
  CHECK(Code({mov_rbx_rdi, load_rdi, kCall, {0xeb, 0xf6}}).MovedTo(1, Registers(kRdi)) == 0);
  CHECK(Code({mov_rbx_rdi, {0x5b}, load_rdi, kCall}).MovedTo(2, Registers(kRdi)) == 0);
}

TEST_CASE("What has overwritten a register counts when a probe moves back, too") {
  const Code code({kPushRbx, {0x48, 0x8d, 0x5f, 0x08}, kIndirectCall});  // lea rbx, [rdi+8]
  const auto moves = code.Moves(2, Registers(1u << 3));
  REQUIRE(moves.size() == 1);
  REQUIRE(moves[0].recovered.size() == 1);
  CHECK(Evaluate(moves[0].recovered[0].value, {{5, 100}}) == 108);
}

TEST_CASE("A copy of the low half of a register stands in for values that are no wider") {
  const Code code({kMovEaxEdi, {0x31, 0xff}, kCall});  // mov eax, edi; xor edi, edi
  CHECK(code.MovedTo(0, Registers(kRdi)) == 0);
  CaptureInputs narrow = Registers(kRdi);
  narrow.gpr_bits[5] = 32;
  CHECK(code.MovedTo(0, narrow) == code.at[2]);
}

TEST_CASE("The way that cannot be gone is told") {
  const Code code({kMovEaxEdi, kIndirectCall});
  const MoveSearch search = code.Search(0, Registers(kRax));
  CHECK(search.moves.empty());
  CHECK(search.no_way_on == "'mov eax, edi' overwrites rax, which is captured");
}

TEST_CASE("A probe moves back to an emulated instruction when there is none on") {
  const Code code({kPushRbx, kMovEaxEdi, kIndirectCall});
  CHECK(code.MovedTo(1, Registers(kRdi)) == code.at[0]);
  CHECK_FALSE(code.Moves(1, Registers(kRdi))[0].forward);
  // What a push has written is no object; what a store has written may be one.
  CHECK(code.MovedTo(1, MemoryInputs(Memory::kAny)) == code.at[0]);
  CHECK(code.MovedTo(1, MemoryInputs(Memory::kAny, {{-40, -32}})) == 0);
  CHECK(Code({kPushRbx, kStoreRcx, kIndirectCall}).MovedTo(2, MemoryInputs(Memory::kAny)) == 0);
  CHECK(Code({kCall, kMovEaxEdi, kIndirectCall}).MovedTo(1, Registers(0)) == 0);
}

}  // namespace dlog::code
