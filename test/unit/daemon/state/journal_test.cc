// SPDX-License-Identifier: Apache-2.0
#include "daemon/state/journal.h"

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "test/catch.h"

namespace dlog::daemon {
namespace {

struct Directory {
  Directory() { path = mkdtemp(name); }
  ~Directory() { std::filesystem::remove_all(path); }
  std::string Bytes() const {
    std::ifstream file(path + "/logpoints", std::ios::binary);
    return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  }
  void Write(const std::string& bytes) const { std::ofstream(path + "/logpoints", std::ios::binary) << bytes; }

  char name[24] = "/tmp/dlog-state.XXXXXX";
  std::string path;
};

v1::StateEntry Put(const std::string& id, bool paused = false) {
  v1::StateEntry entry;
  entry.mutable_put()->mutable_spec()->set_id(id);
  entry.mutable_put()->mutable_spec()->set_location("order.cc:42");
  entry.mutable_put()->set_paused(paused);
  return entry;
}

v1::StateEntry Erase(const std::string& id) {
  v1::StateEntry entry;
  entry.set_erase(id);
  return entry;
}

// Opens, and closes again.
SavedState Load(const Directory& directory, std::string* problem) {
  SavedState state;
  auto journal = Journal::Open(directory.path, &state, problem);
  REQUIRE(journal.ok());
  return state;
}

void Fill(const Directory& directory) {
  SavedState state;
  std::string problem;
  auto journal = Journal::Open(directory.path, &state, &problem);
  REQUIRE(journal.ok());
  v1::StateEntry counts;
  counts.mutable_counts()->set_id("lp-3");
  counts.mutable_counts()->mutable_counters()->set_hits(7);
  v1::StateEntry last;
  last.set_last_id(9);
  for (const v1::StateEntry& entry :
       {Put("lp-1"), Put("lp-2"), Put("lp-3"), Erase("lp-2"), Put("lp-1", true), counts, last}) {
    REQUIRE((*journal)->Append({entry}).ok());
  }
}

TEST_CASE("what was put and not erased is there again, in its last form") {
  const Directory directory;
  Fill(directory);
  std::string problem;
  for (int i = 0; i < 2; ++i) {  // read from the journal, then from the file that was made of it
    const SavedState state = Load(directory, &problem);
    CHECK(problem.empty());
    REQUIRE(state.logpoints.size() == 2);
    CHECK(state.logpoints[0].spec().id() == "lp-1");
    CHECK(state.logpoints[0].paused());
    CHECK(state.logpoints[1].spec().id() == "lp-3");
    CHECK(state.logpoints[1].counters().hits() == 7);
    CHECK(state.last_id == 9);
  }
}

TEST_CASE("a file that is damaged at any byte is set aside and never gives a logpoint that was not written") {
  const Directory directory;
  Fill(directory);
  const std::string whole = directory.Bytes();
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x20);
    SavedState state;
    INFO("byte " << at);
    CHECK_FALSE(ReadJournal(bytes, &state));
    for (const auto& logpoint : state.logpoints) CHECK(logpoint.spec().location() == "order.cc:42");
  }
  std::string bytes = whole;
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  directory.Write(bytes);
  std::string problem;
  CHECK(Load(directory, &problem).logpoints.size() == 2);
  CHECK(problem.find("kept as " + directory.path + "/logpoints.damaged-") != std::string::npos);
  problem.clear();
  CHECK(Load(directory, &problem).logpoints.size() == 2);
  CHECK(problem.empty());
}

TEST_CASE("a file that ends anywhere in an entry gives what stands before") {
  const Directory directory;
  Fill(directory);
  const std::string whole = directory.Bytes();
  size_t ends = 0;
  for (size_t size = std::string(kJournalMagic).size(); size < whole.size(); ++size) {
    SavedState state;
    ends += ReadJournal(whole.substr(0, size), &state) ? 1 : 0;
  }
  CHECK(ends == 8);  // the magic alone, and behind each of the eight entries but the last
}

TEST_CASE("counts that are saved for weeks do not make the file grow without end") {
  const Directory directory;
  SavedState state;
  std::string problem;
  auto journal = Journal::Open(directory.path, &state, &problem);
  REQUIRE(journal.ok());
  v1::StateEntry last;
  last.set_last_id(1);
  REQUIRE((*journal)->Append({Put("lp-1"), last}).ok());
  v1::StateEntry counts;
  counts.mutable_counts()->set_id("lp-1");
  for (uint64_t i = 1; i <= 60; ++i) {
    counts.mutable_counts()->mutable_counters()->set_hits(i);
    REQUIRE((*journal)->Append(std::vector<v1::StateEntry>(5000, counts)).ok());
    REQUIRE(directory.Bytes().size() < 2 * kMinCompactBytes);
  }
  journal->reset();
  const SavedState again = Load(directory, &problem);
  CHECK(problem.empty());
  REQUIRE(again.logpoints.size() == 1);
  CHECK(again.logpoints[0].counters().hits() == 60);
  CHECK(again.last_id == 1);
}

TEST_CASE("two daemons do not share a state directory, and a missing parent is told") {
  const Directory directory;
  SavedState state;
  std::string problem;
  auto first = Journal::Open(directory.path, &state, &problem);
  REQUIRE(first.ok());
  CHECK(absl::IsAlreadyExists(Journal::Open(directory.path, &state, &problem).status()));
  CHECK(absl::IsNotFound(Journal::Open(directory.path + "/a/b", &state, &problem).status()));
}

}  // namespace
}  // namespace dlog::daemon
