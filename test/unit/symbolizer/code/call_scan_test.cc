// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/code/call_scan.h"

#include "test/catch.h"

namespace dlog::code {
namespace {

using Bytes = std::vector<uint8_t>;
constexpr LinkAddress kStart{0x1000};

TEST_CASE("Direct calls and jumps to an entry are found, with the address behind them") {
  // call 0x2000; jmp 0x2000; je 0x2000
  const Bytes code = {0xe8, 0xfb, 0x0f, 0, 0, 0xe9, 0xf6, 0x0f, 0, 0, 0x0f, 0x84, 0xf0, 0x0f, 0, 0};
  const auto found = TransfersTo(code, kStart, {0x2000}, 10);
  REQUIRE(found.size() == 3);
  CHECK(found[0].is_call);
  CHECK(found[0].next == LinkAddress{0x1005});
  CHECK_FALSE(found[1].is_call);
  CHECK_FALSE(found[2].is_call);
  CHECK(TransfersTo(code, kStart, {0x2001}, 10).empty());
  CHECK(TransfersTo(code, kStart, {0x2000}, 2).size() == 2);
}

TEST_CASE("Calls and jumps through a word are found, with what stands in front of them") {
  // call [0x2000]; endbr64; bnd jmp [0x2000]
  const Bytes code = {0xff, 0x15, 0xfa, 0x0f, 0, 0, 0xf3, 0x0f, 0x1e, 0xfa, 0xf2, 0xff, 0x25, 0xef, 0x0f, 0, 0};
  const auto found = TransfersThrough(code, kStart, {0x2000}, 10);
  REQUIRE(found.size() == 2);
  CHECK(found[0].is_call);
  CHECK(found[0].next == LinkAddress{0x1006});
  CHECK_FALSE(found[1].is_call);
  CHECK(found[1].address == LinkAddress{0x1006});
  CHECK(TransfersThrough(code, kStart, {0x2008}, 10).empty());
  CHECK(TransfersThrough(code, kStart, {0x2000}, 1).size() == 1);
}

TEST_CASE("Short jumps count, and bytes cut off at the end do not") {
  CHECK(TransfersTo(Bytes{0xeb, 0x10}, kStart, {0x1012}, 10).size() == 1);
  CHECK(TransfersTo(Bytes{0x74, 0x10}, kStart, {0x1012}, 10).size() == 1);
  CHECK(TransfersTo(Bytes{0xe8, 0xfb, 0x0f, 0}, kStart, {0x2000}, 10).empty());
  CHECK(TransfersTo(Bytes{}, kStart, {0x2000}, 10).empty());
}

TEST_CASE("Instructions that compute an address mention it") {
  const Bytes lea = {0x48, 0x8d, 0x3d, 0xf9, 0x0f, 0, 0};  // lea rdi, [rip+0xff9] = 0x2000
  CHECK(MentionsAddress(lea, kStart, {0x2000}, false));
  CHECK_FALSE(MentionsAddress(lea, kStart, {0x2008}, false));
  const Bytes mov = {0xbf, 0x90, 0xbf, 0, 0x20, 0, 0};  // mov edi, 0x2000 at 0x1002
  CHECK(MentionsAddress(mov, kStart, {0x2000}, true));
  CHECK_FALSE(MentionsAddress(mov, kStart, {0x2000}, false));
}

TEST_CASE("The ways out of a function other than returns") {
  const Exits inside = ExitsOf(Bytes{0x74, 0x01, 0x90, 0xc3}, kStart);
  CHECK(inside.jumps.empty());
  CHECK_FALSE(inside.indirect);
  CHECK(inside.decoded);
  const Exits out = ExitsOf(Bytes{0xe9, 0xfb, 0x0f, 0, 0}, kStart);
  REQUIRE(out.jumps.size() == 1);
  CHECK(out.jumps[0] == LinkAddress{0x2000});
  CHECK(ExitsOf(Bytes{0xff, 0xe0}, kStart).indirect);        // jmp rax
  CHECK_FALSE(ExitsOf(Bytes{0xff, 0xd0}, kStart).indirect);  // call rax
  CHECK_FALSE(ExitsOf(Bytes{0x90, 0x06}, kStart).decoded);
}

}  // namespace
}  // namespace dlog::code
