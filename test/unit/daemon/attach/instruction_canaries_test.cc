// SPDX-License-Identifier: Apache-2.0
#include "daemon/attach/instruction_canaries.h"

#include "test/catch.h"

namespace dlog::attach {
namespace {

std::vector<std::string> ClassesOf(const std::vector<uint8_t>& bytes) {
  auto instruction = code::Decode(bytes, LinkAddress{0x1000});
  REQUIRE(instruction.ok());
  return CanaryClassesOf(*instruction);
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("each instruction is judged by the canaries of its class") {
  CHECK(ClassesOf({0x55}) == Names{"push"});
  CHECK(ClassesOf({0xe8, 0, 0, 0, 0}) == Names{"call"});
  CHECK(ClassesOf({0xeb, 0x10}) == Names{"jmp"});
  CHECK(ClassesOf({0x75, 0x10}) == Names{"jcc", "jcc_not"});
  CHECK(ClassesOf({0x90}) == Names{"nop", "nop4"});
  CHECK(ClassesOf({0x48, 0x89, 0xe5}) == Names{"stepped", "stepped_rip"});
  CHECK(ClassesOf({0xc3}) == Names{"stepped", "stepped_rip", "stepped_ret"});
  CHECK(ClassesOf({0xff, 0xd0}) == Names{"stepped", "stepped_rip", "stepped_call"});
}

TEST_CASE("what a canary found is read back from the boot cache") {
  const CanaryResult unsafe = {"nop5", false, CanaryVerdict::kUnsafe, "changes the red zone", 0};
  const auto read = ParseCanaryText("nop5", false, CanaryText(unsafe));
  REQUIRE(read.has_value());
  CHECK(read->verdict == CanaryVerdict::kUnsafe);
  CHECK(read->detail == "changes the red zone");
  const auto safe = ParseCanaryText("push", true, CanaryText({"push", true, CanaryVerdict::kSafe, "", 612}));
  REQUIRE(safe.has_value());
  CHECK(safe->verdict == CanaryVerdict::kSafe);
  CHECK(safe->cost_ns == 612);
  CHECK(safe->used);
  for (const char* bad : {"", "safe", "safe x", "splendid 5 ", "unknown 0 "}) {
    CHECK_FALSE(ParseCanaryText("push", true, bad).has_value());
  }
}

TEST_CASE("only what was found unsafe or refused is objected to") {
  auto push = code::Decode(std::vector<uint8_t>{0x55}, LinkAddress{0});
  REQUIRE(push.ok());
  const auto objection = [&](CanaryVerdict verdict) {
    return InstructionCanaries({{"push", true, verdict, "why", 0}}).ObjectionTo(*push);
  };
  CHECK_THAT(objection(CanaryVerdict::kUnsafe), ContainsText("push") && ContainsText("why"));
  CHECK_THAT(objection(CanaryVerdict::kRefused), ContainsText("refused"));
  CHECK(objection(CanaryVerdict::kSafe) == "");
  CHECK(objection(CanaryVerdict::kUnknown) == "");
  CHECK(InstructionCanaries().ObjectionTo(*push) == "");
}

}  // namespace dlog::attach
