// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/elf/debug_file.h"

#include "symbolizer/base/status_hint.h"
#include "symbolizer/elf/build_id.h"
#include "temp_file.h"
#include "test/catch.h"

namespace dlog::elf {
namespace {

absl::StatusOr<std::string> Find(const std::string& program, const DebugSearch& search) {
  auto elf = ElfFile::Open(ProgramPath(program));
  REQUIRE(elf.ok());
  return FindDebugFile(**elf, search);
}

std::string IdOf(const std::string& program) { return BuildIdHex((*ElfFile::Open(ProgramPath(program)))->build_id()); }

bool Contains(const absl::Status& status, const std::string& text) {
  return std::string(status.message()).find(text) != std::string::npos;
}

DebugSearch In(const std::string& root, const std::vector<std::string>& directories) {
  DebugSearch search;
  search.root = root;
  search.directories = directories;
  return search;
}

DebugSearch Named(const std::string& file) {
  DebugSearch search = In("/", {});
  search.explicit_file = file;
  return search;
}

const DebugSearch kNowhere = In("/", {ProgramPath("separate/empty")});

TEST_CASE("DWARF inside the binary is used") {
  for (const char* name : {"plain.gcc.O2.dwarf5", "locals.gcc.O2.compressed", "locals.gcc.O2.gnu_compressed"}) {
    CHECK(Find(name, kNowhere).value() == ProgramPath(name));
  }
}

TEST_CASE("A stripped binary finds its debug file in a build-id tree") {
  const std::string id = IdOf("separate/stripped");
  auto found = Find("separate/stripped", In("/", {ProgramPath("separate/tree")}));
  REQUIRE(found.ok());
  CHECK(*found == ProgramPath("separate/tree/.build-id/" + id.substr(0, 2) + "/" + id.substr(2) + ".debug"));
  // The same through a root: the target's own file system.
  CHECK(Find("separate/stripped", In(ProgramPath("separate"), {"/tree"})).value() == *found);
}

TEST_CASE("A directory of this machine is searched whatever the root of the target is") {
  DebugSearch search = In(ProgramPath("separate/empty"), {"/usr/lib/debug"});
  CHECK(Find("separate/stripped", search).status().code() == absl::StatusCode::kNotFound);
  search.own_directories = {ProgramPath("separate/tree")};
  CHECK(Find("separate/stripped", search).ok());
}

TEST_CASE("Where no servers are asked, the message says so") {
  const auto status = Find("separate/stripped", kNowhere).status();
  CHECK(Contains(status, "debuginfod"));
  CHECK(HintOf(status).find("DEBUGINFOD_URLS") != std::string::npos);
}

TEST_CASE("A debuglink leads to the file beside the binary") {
  CHECK(Find("separate/linked/plain", kNowhere).value() == ProgramPath("separate/linked/plain.debug"));
  CHECK(Find("separate/linked/no_id", kNowhere).value() == ProgramPath("separate/linked/no_id.debug"));
}

TEST_CASE("A debuglink to another build is refused with both build-ids") {
  const auto status = Find("separate/mismatch/plain", kNowhere).status();
  CHECK(status.code() == absl::StatusCode::kFailedPrecondition);
  CHECK(Contains(status, IdOf("separate/mismatch/plain")));
  CHECK(Contains(status, IdOf("plain.gcc.O0.dwarf5")));
}

TEST_CASE("Without build-ids the CRC of a debuglink decides") {
  const auto status = Find("separate/mismatch/no_id", kNowhere).status();
  CHECK(status.code() == absl::StatusCode::kFailedPrecondition);
  CHECK(Contains(status, "CRC"));
}

TEST_CASE("A debug file that is named must be of the same build") {
  const std::string good = ProgramPath("separate/linked/plain.debug");
  CHECK(Find("separate/stripped", Named(good)).value() == good);
  const auto other = Find("separate/stripped", Named(ProgramPath("plain.gcc.O0.dwarf5"))).status();
  CHECK(other.code() == absl::StatusCode::kFailedPrecondition);
  CHECK(Contains(other, IdOf("separate/stripped")));
  CHECK(Contains(other, IdOf("plain.gcc.O0.dwarf5")));
  CHECK_FALSE(HintOf(other).empty());
  CHECK(Find("separate/stripped", Named("/nonexistent")).status().code() == absl::StatusCode::kNotFound);
  CHECK(Find("separate/stripped", Named(ProgramPath("separate/stripped"))).status().code() ==
        absl::StatusCode::kNotFound);
}

TEST_CASE("A named debug file of another build is refused without build-ids too") {
  const auto status = Find("separate/linked/no_id", Named(ProgramPath("plain.gcc.O0.dwarf5"))).status();
  CHECK(status.code() == absl::StatusCode::kFailedPrecondition);
}

TEST_CASE("Stripped and built without -g are told apart, with what was tried") {
  const auto stripped = Find("separate/stripped", kNowhere).status();
  CHECK(stripped.code() == absl::StatusCode::kNotFound);
  CHECK(Contains(stripped, "stripped"));
  CHECK(Contains(stripped, ProgramPath("separate/empty") + "/.build-id/"));
  CHECK(HintOf(stripped).find("-dbgsym") != std::string::npos);
  const auto plain = Find("plain.gcc.O2.nodebug", kNowhere).status();
  CHECK(plain.code() == absl::StatusCode::kNotFound);
  CHECK(Contains(plain, "without -g"));
  CHECK(HintOf(plain).find("-g") != std::string::npos);
}

}  // namespace
}  // namespace dlog::elf
