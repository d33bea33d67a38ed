// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/code/exits.h"

#include <vector>

#include "test/catch.h"

namespace dlog::code {
namespace {

std::vector<Exit> Exits(const std::vector<uint8_t>& hot, const std::vector<uint8_t>& cold = {0x90}) {
  const std::vector<MappedBytes> function = {{LinkAddress{0x1000}, hot}, {LinkAddress{0x2000}, cold}};
  auto exits = FindExits(function);
  REQUIRE(exits.ok());
  return *exits;
}

}  // namespace

TEST_CASE("Every form of a near return is an exit, in cold parts too") {
  // nop; ret; repz ret; ret 8; cold: nop; ret
  const auto exits = Exits({0x90, 0xc3, 0xf3, 0xc3, 0xc2, 0x08, 0x00}, {0x90, 0xc3});
  REQUIRE(exits.size() == 4);
  const uint64_t addresses[] = {0x1001, 0x1002, 0x1004, 0x2001};
  for (size_t i = 0; i < 4; ++i) {
    CHECK(exits[i].address == LinkAddress{addresses[i]});
    CHECK(exits[i].kind == ExitKind::kReturn);
  }
}

TEST_CASE("Jumps within the function and to its cold part are no exits, jumps to other functions are") {
  CHECK(Exits({0xeb, 0x00, 0x90}).empty());                    // jmp to the next instruction
  CHECK(Exits({0xe9, 0xfb, 0x0f, 0x00, 0x00}).empty());        // jmp 0x2000
  CHECK(Exits({0x0f, 0x84, 0xfa, 0x0f, 0x00, 0x00}).empty());  // je 0x2000
  const auto tail = Exits({0xe9, 0xfb, 0x1f, 0x00, 0x00});     // jmp 0x3000
  REQUIRE(tail.size() == 1);
  CHECK(tail[0].kind == ExitKind::kTailJump);
  CHECK(tail[0].target == LinkAddress{0x3000});
  const auto conditional = Exits({0x0f, 0x84, 0xfa, 0x1f, 0x00, 0x00});  // je 0x3000
  REQUIRE(conditional.size() == 1);
  CHECK(conditional[0].kind == ExitKind::kConditionalJump);
  const auto computed = Exits({0xff, 0xe0});  // jmp rax
  REQUIRE(computed.size() == 1);
  CHECK(computed[0].kind == ExitKind::kIndirectJump);
  CHECK(computed[0].length == 2);
}

TEST_CASE("Calls are no exits, wherever they go") {
  CHECK(Exits({0xe8, 0xfb, 0x1f, 0x00, 0x00, 0xff, 0xd0}).empty());  // call 0x3000; call rax
}

TEST_CASE("Code that does not decode has no exits that could be trusted") {
  const std::vector<uint8_t> broken = {0x90, 0x0f};
  const std::vector<MappedBytes> function = {{LinkAddress{0x1000}, broken}};
  CHECK(!FindExits(function).ok());
}

}  // namespace dlog::code
