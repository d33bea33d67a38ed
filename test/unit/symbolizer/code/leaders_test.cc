// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/code/leaders.h"

#include <cstring>
#include <vector>

#include "test/catch.h"

namespace dlog::code {
namespace {

constexpr uint64_t kText = 0x1000;
constexpr uint64_t kData = 0x8000;

template <typename T>
void Append(std::vector<uint8_t>* out, T value) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(&value);
  out->insert(out->end(), bytes, bytes + sizeof(value));
}

// A function at kText, other code behind it, and data at kData.
struct Program {
  std::vector<uint8_t> function;
  std::vector<uint8_t> other = std::vector<uint8_t>(16, 0x90);
  std::vector<uint8_t> data;
  std::vector<uint64_t> entries;

  FunctionFlow Flow() {
    text = function;
    text.insert(text.end(), other.begin(), other.end());
    Image image;
    image.text = {{LinkAddress{kText}, text}};
    image.data = {{LinkAddress{kData}, data}};
    image.entries = entries;
    return {image, {{LinkAddress{kText}, std::span<const uint8_t>(text).first(function.size())}}};
  }
  std::vector<uint8_t> text;
};

bool Straight(const FunctionFlow& flow, uint64_t offset) { return flow.IsStraight(LinkAddress{kText + offset}); }

const std::vector<uint8_t> kNops(12, 0x90);

}  // namespace

TEST_CASE("The target of a branch is no straight continuation, what lies between is") {
  Program program;
  program.function = {0x90, 0x74, 0x02, 0x90, 0x90, 0x90, 0xc3};  // nop; je +2; nop; nop; nop; ret
  const FunctionFlow flow = program.Flow();
  CHECK_FALSE(Straight(flow, 0));  // the function's start
  CHECK(Straight(flow, 1));
  CHECK(Straight(flow, 4));
  CHECK_FALSE(Straight(flow, 5));  // 3 + 2
  CHECK(Straight(flow, 6));
  CHECK_FALSE(Straight(flow, 2));  // within an instruction
  CHECK(flow.Before(LinkAddress{kText + 3}).value == kText + 1);
  CHECK(flow.Before(LinkAddress{kText}).value == 0);
}

TEST_CASE("Branches from other functions are seen") {
  Program program;
  program.function = kNops;
  program.other = {0xe9};  // jmp kText + 4
  Append<int32_t>(&program.other, 4 - static_cast<int32_t>(kNops.size() + 5));
  CHECK_FALSE(Straight(program.Flow(), 4));
  CHECK(Straight(program.Flow(), 5));
  program.other = {0x0f, 0x8c};  // jl kText + 6
  Append<int32_t>(&program.other, 6 - static_cast<int32_t>(kNops.size() + 6));
  CHECK_FALSE(Straight(program.Flow(), 6));
}

TEST_CASE("Pointers in data and addresses that the loader knows are entries") {
  Program program;
  program.function = kNops;
  Append<uint64_t>(&program.data, kText + 3);
  program.entries = {kText + 7};
  const FunctionFlow flow = program.Flow();
  CHECK_FALSE(Straight(flow, 3));
  CHECK_FALSE(Straight(flow, 7));
  CHECK(Straight(flow, 4));
}

TEST_CASE("Entries of a jump table are found through its address") {
  Program program;
  // lea rax, [rip + table]; jmp rax; nops
  program.function = {0x48, 0x8d, 0x05};
  Append<int32_t>(&program.function, static_cast<int32_t>(kData - (kText + 7)));
  program.function.insert(program.function.end(), {0xff, 0xe0});
  program.function.insert(program.function.end(), kNops.begin(), kNops.end());
  for (const uint64_t target : {kText + 10, kText + 14}) {
    Append<int32_t>(&program.data, static_cast<int32_t>(target - kData));
  }
  Append<int32_t>(&program.data, 0x10000000);  // leads nowhere: the end
  Append<int32_t>(&program.data, static_cast<int32_t>(kText + 16 - kData));
  const FunctionFlow flow = program.Flow();
  CHECK_FALSE(Straight(flow, 10));
  CHECK_FALSE(Straight(flow, 14));
  CHECK(Straight(flow, 12));
  CHECK(Straight(flow, 16));
}

TEST_CASE("Pointers to labels say where an indirect jump goes, a pointer to the function does not") {
  Program program;
  program.function = {0xff, 0xe0};  // jmp rax
  program.function.insert(program.function.end(), kNops.begin(), kNops.end());
  Append<uint64_t>(&program.data, kText);
  CHECK_FALSE(program.Flow().followed());
  Append<uint64_t>(&program.data, kText + 4);
  const FunctionFlow flow = program.Flow();
  CHECK(flow.followed());
  CHECK_FALSE(Straight(flow, 4));
  CHECK(Straight(flow, 5));
}

TEST_CASE("A number that could be the address of a label is an entry") {
  Program program;
  program.function = {0xbb};  // mov ebx, kText + 8
  Append<int32_t>(&program.function, kText + 8);
  program.function.insert(program.function.end(), kNops.begin(), kNops.end());
  CHECK_FALSE(Straight(program.Flow(), 8));
  CHECK(Straight(program.Flow(), 9));
}

TEST_CASE("A function whose flow is not known has no straight instruction") {
  Program program;
  program.function = {0xff, 0xe0};  // jmp rax, without any table
  program.function.insert(program.function.end(), kNops.begin(), kNops.end());
  CHECK_FALSE(Straight(program.Flow(), 5));

  program.function = {0x48, 0x8d, 0x05, 0x05, 0, 0, 0, 0xff, 0xe0};  // lea rax, [a label]; jmp rax
  program.function.insert(program.function.end(), kNops.begin(), kNops.end());
  CHECK_FALSE(Straight(program.Flow(), 15));

  program.function = {0x90, 0x06, 0x90, 0x90};  // not an instruction
  CHECK_FALSE(Straight(program.Flow(), 3));
}

TEST_CASE("A function that jumps back to its first instruction is told from one that is only called") {
  Program program;
  const LinkAddress start{kText};
  program.function = {0x90, 0x74, 0xfd, 0xc3};  // nop; je -3; ret
  CHECK(program.Flow().MayJumpBackTo(start));
  program.function = {0x90, 0x74, 0x01, 0x90, 0xc3};  // nop; je +1; nop; ret
  CHECK_FALSE(program.Flow().MayJumpBackTo(start));
  program.function = {0x90, 0xe8};  // nop; call the function itself; ret
  Append<int32_t>(&program.function, -6);
  program.function.push_back(0xc3);
  CHECK_FALSE(program.Flow().MayJumpBackTo(start));

  // A pointer to the function is no jump, unless jumps go by pointers.
  program.function = {0x90, 0x90, 0xc3};
  Append<uint64_t>(&program.data, kText);
  CHECK_FALSE(program.Flow().MayJumpBackTo(start));
  program.function = {0x90, 0x90, 0xff, 0xe0};  // jmp rax
  Append<uint64_t>(&program.data, kText + 1);
  CHECK(program.Flow().MayJumpBackTo(start));

  // A table of distances from its own start.
  program.data.clear();
  Append<int32_t>(&program.data, static_cast<int32_t>(kText - kData));
  program.function = {0x90, 0x48, 0x8d, 0x05};  // nop; lea rax, [the table]; jmp rax
  Append<int32_t>(&program.function, static_cast<int32_t>(kData - (kText + 8)));
  program.function.insert(program.function.end(), {0xff, 0xe0});
  CHECK(program.Flow().MayJumpBackTo(start));
}

}  // namespace dlog::code
