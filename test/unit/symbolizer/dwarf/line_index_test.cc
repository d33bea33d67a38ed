// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/line_index.h"

#include <set>

#include "program.h"
#include "test/catch.h"

namespace dlog::dwarf {
namespace {

TEST_CASE("A file is found by any suffix of whole components") {
  const Program program(GENERATE(from_range(Variants("locals"))));
  for (const char* suffix :
       {"locals.cc", "small/locals.cc", "programs/small/locals.cc", "./locals.cc", "x/../locals.cc"}) {
    auto files = program.lines().FilesMatching(suffix);
    REQUIRE(files.ok());
    INFO(suffix);
    REQUIRE(files->size() == 1);
    CHECK(files->front().path.ends_with("/programs/small/locals.cc"));
    CHECK(files->front().path.find("..") == std::string::npos);
    CHECK(files->front().path.front() == '/');
  }
  CHECK(program.lines().FilesMatching("ocals.cc")->empty());
  CHECK(program.lines().FilesMatching("other/locals.cc")->empty());
  CHECK(program.lines().FilesMatching("")->empty());
}

TEST_CASE("A full path matches itself only") {
  const Program program("locals.gcc.O2.dwarf5");
  const std::string path = program.lines().FilesMatching("locals.cc")->front().path;
  CHECK(program.lines().FilesMatching(path)->size() == 1);
  CHECK(program.lines().FilesMatching("/elsewhere" + path)->empty());
}

TEST_CASE("A header that several units use is one file") {
  const Program program(GENERATE(from_range(Variants("zoo"))));
  auto files = program.lines().FilesMatching("stddef.h");
  REQUIRE(files.ok());
  std::set<std::string> paths;
  for (const SourceFile& file : *files) CHECK(paths.insert(file.path).second);
}

TEST_CASE("Rows have statements for the marked lines, in live code only") {
  std::vector<std::string> names = Variants("locals");
  for (const char* shape : {"compressed", "gnu_compressed", "nopie", "sections"}) {
    names.push_back(std::string("locals.gcc.O2.") + shape);
  }
  const Program program(GENERATE_COPY(from_range(names)));
  for (const char* mark : {"loop", "inlined", "shadow", "total", "pieces"}) {
    for (const Statement& statement : program.At("locals.cc", mark)) {
      CHECK(program.module().binary().IsCode(statement.address));
    }
  }
}

TEST_CASE("Every sequence ends") {
  const Program program("locals.gcc.O2.sections");
  auto files = program.lines().FilesMatching("locals.cc");
  auto rows = program.lines().Rows(files->front().units.front().unit);
  REQUIRE(rows.ok());
  REQUIRE_FALSE((*rows)->empty());
  CHECK((*rows)->back().end_sequence);
  for (size_t i = 0; i + 1 < (*rows)->size(); ++i) {
    if (!(**rows)[i].end_sequence) CHECK((**rows)[i].address <= (**rows)[i + 1].address);
  }
  // Cached: the same vector again.
  CHECK(*program.lines().Rows(files->front().units.front().unit) == *rows);
}

TEST_CASE("A misspelt file gets suggestions") {
  const Program program("locals.gcc.O2.dwarf5");
  const auto similar = program.lines().SimilarFiles("src/Local.cc", 3);
  REQUIRE_FALSE(similar.empty());
  CHECK(similar.size() <= 3);
  CHECK(similar.front().ends_with("/locals.cc"));
  CHECK(program.lines().SimilarFiles("nothing_like_this_at_all.rs", 3).empty());
}

TEST_CASE("A DWARF 5 line table of clang has the checksums of source files, gcc's has none") {
  const Program clang("zoo.clang.O0.dwarf5");
  auto files = clang.lines().FilesMatching("zoo_other.cc");
  REQUIRE(files.ok());
  REQUIRE(files->size() == 1);
  REQUIRE(files->front().md5.has_value());
  const UnitFile& file = files->front().units.front();
  CHECK(clang.lines().FileMd5(file.unit, file.file) == files->front().md5);
  const Program gcc("zoo.gcc.O0.dwarf5");
  files = gcc.lines().FilesMatching("zoo.cc");
  REQUIRE(files.ok());
  CHECK_FALSE(files->front().md5.has_value());
}

}  // namespace
}  // namespace dlog::dwarf
