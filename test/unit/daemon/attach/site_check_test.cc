// SPDX-License-Identifier: Apache-2.0
#include "daemon/attach/site_check.h"

#include <sys/mman.h>
#include <unistd.h>

#include <vector>

#include "symbolizer/base/status_hint.h"
#include "symbolizer/base/unique_fd.h"
#include "test/catch.h"

namespace dlog::attach {
namespace {

// A file in memory with these bytes.
UniqueFd File(const std::vector<uint8_t>& bytes) {
  UniqueFd file(memfd_create("site", MFD_CLOEXEC));
  REQUIRE(write(file.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  return file;
}

absl::StatusOr<std::string> Judge(const std::vector<uint8_t>& file, uint64_t offset,
                                  const std::vector<uint8_t>& expected) {
  return CheckSite(File(file).get(), "/bin/x", FileOffset{offset}, expected, {});
}

// A site that passes, or why the plan is none for the file.
absl::Status Check(const std::vector<uint8_t>& file, uint64_t offset, const std::vector<uint8_t>& expected) {
  const auto objection = Judge(file, offset, expected);
  if (objection.ok()) CHECK(*objection == "");
  return objection.status();
}

}  // namespace

TEST_CASE("a safe instruction with the plan's bytes passes, also at the end of the file") {
  CHECK(Check({0x00, 0x55, 0x48, 0x89, 0xe5}, 1, {0x55}).ok());
  CHECK(Check({0x00, 0x55}, 1, {0x55}).ok());
}

TEST_CASE("other bytes than the plan's are refused with both shown") {
  const absl::Status status = Check({0x55, 0xc3}, 0, {0x53});
  CHECK(absl::IsFailedPrecondition(status));
  CHECK_THAT(std::string(status.message()), ContainsText("55") && ContainsText("53"));
  CHECK_FALSE(HintOf(status).empty());
}

TEST_CASE("an unsafe instruction is refused although the plan claims it") {
  const auto objection = Judge({0x0f, 0x05, 0xc3}, 0, {0x0f, 0x05});
  REQUIRE(objection.ok());
  CHECK_THAT(*objection, ContainsText("syscall"));
}

TEST_CASE("bytes that end within the instruction do not pass for it") {
  // A plan made for one byte of `call` would otherwise match a different call.
  CHECK(absl::IsInvalidArgument(Check({0xe8, 1, 2, 3, 4, 0x90}, 0, {0xe8})));
  CHECK(Check({0xe8, 1, 2, 3, 4, 0x90}, 0, {0xe8, 1, 2, 3, 4}).ok());
}

TEST_CASE("impossible byte counts and ends of files are refused") {
  CHECK(absl::IsInvalidArgument(Check({0x55}, 0, {})));
  CHECK(absl::IsInvalidArgument(Check(std::vector<uint8_t>(32, 0x90), 0, std::vector<uint8_t>(16, 0x90))));
  CHECK(absl::IsFailedPrecondition(Check({0x55}, 1, {0x55})));
  CHECK_THAT(Judge({0xe8, 0}, 0, {0xe8, 0}).value(), ContainsText("no instruction"));  // cut short
  CHECK(absl::IsFailedPrecondition(CheckSite(-1, "/bin/x", FileOffset{0}, std::vector<uint8_t>{0x55}, {}).status()));
}

TEST_CASE("a class of instructions that the canaries found unsafe is refused, others are not") {
  const InstructionCanaries canaries(
      {{"push", true, CanaryVerdict::kUnsafe, "changes flags", 0}, {"jmp", true, CanaryVerdict::kSafe, "", 500}});
  const auto judge = [&](const std::vector<uint8_t>& bytes) {
    return CheckSite(File(bytes).get(), "/bin/x", FileOffset{0}, bytes, canaries).value();
  };
  CHECK_THAT(judge({0x55}), ContainsText("push") && ContainsText("changes flags"));
  CHECK(judge({0xeb, 0x10}) == "");
  CHECK(judge({0x5d}) == "");
}

}  // namespace dlog::attach
