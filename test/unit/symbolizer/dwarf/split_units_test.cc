// SPDX-License-Identifier: Apache-2.0
//
// Packages and .dwo files. That their types and variables are complete is also in type_graph_test.cc.
#include "symbolizer/dwarf/split_units.h"

#include "test/catch.h"

#include "program.h"
#include "symbolizer/base/status_hint.h"
#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/package_index.h"

namespace dlog::dwarf {
namespace {

absl::Status Failure(const std::string& name) {
  auto module = Module::Open(std::string(DLOG_PROGRAMS_DIR) + "/" + name, {});
  REQUIRE(module.ok());
  auto lines = LineIndex::Create(**module);
  REQUIRE(lines.ok());
  auto files = (*lines)->FilesMatching("zoo.cc");
  REQUIRE(files.ok());
  REQUIRE_FALSE(files->empty());
  const UnitFile& file = files->front().units.front();
  const uint32_t line = MarkedLine("zoo.cc", "zoo");
  for (const LineRow& row : **(*lines)->Rows(file.unit)) {
    if (row.line == line)
      return FunctionOfStatement(**module, file.unit, row.address, row.file, line, row.view).status();
  }
  FAIL("no row");
  return absl::OkStatus();
}

bool Contains(const absl::Status& status, const std::string& text) {
  return std::string(status.message()).find(text) != std::string::npos;
}

TEST_CASE("A package gives each unit its own variables and the globals of the others") {
  const std::string name = GENERATE(as<std::string>{}, "split/package4", "split/package5");
  const Program program(name);
  const Statement main = program.In("zoo.cc", "zoo", "main");
  CHECK(Where(program, main, "number64").starts_with("[r"));
  CHECK(FindGlobal(program.module(), main.scope, "zoo::Anonymous::not_a_field").ok());
  int units = 0;
  ForEachUnit(program.module(), false, [&](const Dwarf_Die&) { return ++units > 0; });
  CHECK(units == 2);
}

TEST_CASE("A .dwo file that is missing is named with the places where it was looked for") {
  const absl::Status status = Failure("split/missing");
  INFO(status);
  CHECK(absl::IsNotFound(status));
  CHECK(Contains(status, "missing.zoo.dwo is missing; tried: "));
  CHECK(Contains(status, "split/build/missing.zoo.dwo, "));
  CHECK(HintOf(status).find(".dwp") != std::string::npos);
}

TEST_CASE("A .dwo file of another build is refused") {
  const absl::Status status = Failure("split/stale");
  INFO(status);
  CHECK(absl::IsNotFound(status));
  CHECK(Contains(status, "stale.zoo.dwo"));
  CHECK(Contains(status, "belongs to another build"));
}

TEST_CASE("A malformed package index is an error and no unit") {
  const std::vector<uint8_t> empty_slots = {5, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0};
  auto empty = PackageIndex::Create(empty_slots);
  REQUIRE(empty.ok());
  CHECK_FALSE(empty->Find(1).has_value());
  CHECK_FALSE(PackageIndex::Create(std::vector<uint8_t>{7, 0, 0, 0}).ok());
  CHECK_FALSE(PackageIndex::Create(std::vector<uint8_t>{5, 0, 0, 0, 255, 255, 255, 255, 1, 0, 0, 0, 1, 0, 0, 0}).ok());
  CHECK_FALSE(PackageIndex::Create(std::vector<uint8_t>{5, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0}).ok());
  // One slot whose row does not exist, and one that is found.
  std::vector<uint8_t> one = {2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0,  // header
                              9, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0,              // signature 9, row 2
                              1, 0, 0, 0, 4, 0, 0, 0, 8, 0, 0, 0};             // .debug_info.dwo: 8 bytes at 4
  CHECK_FALSE(PackageIndex::Create(one)->Find(9).has_value());
  one[24] = 1;
  const auto row = PackageIndex::Create(one)->Find(9);
  REQUIRE(row.has_value());
  CHECK(row->front().offset == 4);
  CHECK(row->front().size == 8);
  CHECK_FALSE(PackageIndex::Create(one)->Find(8).has_value());
}

}  // namespace
}  // namespace dlog::dwarf
