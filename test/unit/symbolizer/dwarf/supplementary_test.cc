// SPDX-License-Identifier: Apache-2.0
//
// That types and names from dwz's common file are complete is in type_graph_test.cc.
#include "symbolizer/dwarf/supplementary.h"

#include "test/catch.h"

#include "program.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::dwarf {
namespace {

absl::Status OpenStatus(const std::string& name) {
  return Module::Open(std::string(DLOG_PROGRAMS_DIR) + "/" + name, {}).status();
}

TEST_CASE("Functions and globals are found through imported units of a common file") {
  const Program program(GENERATE(as<std::string>{}, "dwz/alt/first", "dwz/alt/second"));
  auto functions = FunctionsNamed(program.module(), "main");
  REQUIRE(functions.ok());
  REQUIRE(functions->size() == 1);
  const Statement main = program.In("zoo.cc", "zoo", "main");
  CHECK(FindGlobal(program.module(), main.scope, "zoo::Anonymous::not_a_field").ok());
  const auto enumerator = FindEnumerator(program.module(), main.scope, "zoo::Color::BLUE");
  REQUIRE(enumerator.has_value());
  CHECK(enumerator->value == 200);
}

TEST_CASE("A missing common file is named with its build-id and where it was looked for") {
  const absl::Status status = OpenStatus("dwz/missing/first");
  INFO(status);
  CHECK(absl::IsNotFound(status));
  CHECK(status.message().find("common.debug (build-id ") != std::string::npos);
  CHECK(status.message().find("/dwz/missing/common.debug") != std::string::npos);
  CHECK_FALSE(HintOf(status).empty());
}

TEST_CASE("References that libdw would follow into the wrong file are refused") {
  const absl::Status status = OpenStatus("dwz/sup/first");
  INFO(status);
  CHECK(absl::IsUnimplemented(status));
  CHECK(status.message().find(".debug_sup") != std::string::npos);
}

TEST_CASE("A common file of another build is refused") {
  const absl::Status status = OpenStatus("dwz/mismatch/first");
  INFO(status);
  CHECK(absl::IsNotFound(status));
  CHECK(status.message().find("is of another build") != std::string::npos);
}

}  // namespace
}  // namespace dlog::dwarf
