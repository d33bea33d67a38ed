// SPDX-License-Identifier: Apache-2.0
//
// From a location as a user writes it to the statements and values there, over the small programs.
#include "symbolizer/statements.h"

#include <algorithm>
#include <fstream>
#include <string>

#include "symbolizer/base/status_hint.h"
#include "symbolizer/module_search.h"
#include "symbolizer/resolver.h"
#include "test/catch.h"

namespace dlog::symbolizer {
namespace {

v1::SymbolizerRequest Request(const std::string& program, const std::string& location) {
  v1::SymbolizerRequest request;
  request.mutable_spec()->set_location(location);
  v1::SymbolizerRequest::Module* module = request.add_modules();
  module->set_open_path(std::string(DLOG_PROGRAMS_DIR) + "/" + program);
  module->set_display_path(module->open_path());
  request.set_root("/");
  return request;
}

LocatedLine Locate(const std::string& program, const std::string& location) {
  auto found = FindLocation(Request(program, location));
  INFO(location << ": " << found.status());
  REQUIRE(found.ok());
  return found->located;
}

// "views.c:LINE" of the line with "MARK: mark"; of `source` instead where that is told.
std::string Marked(const std::string& mark, const std::string& source = "views.c") {
  std::ifstream in(std::string(DLOG_SOURCES_DIR) + "/" + source);
  std::string text;
  for (int line = 1; std::getline(in, text); ++line) {
    if (text.find("MARK: " + mark + " ") != std::string::npos) return source + ":" + std::to_string(line);
  }
  FAIL("no MARK: " << mark);
  return "";
}

TEST_CASE("A line that has only rows that are no statements moves to the next, and says why") {
  const LocatedLine located = Locate("statements", "statements.c:12");
  CHECK(located.line == 13);
  CHECK(located.requested_line == 12);
  CHECK_THAT(located.moved_reason, ContainsText("no statement of its own"));
  REQUIRE(located.sites.size() == 1);
  CHECK(located.sites[0].scope.name == "main");
  // Other than a line without any code.
  CHECK_THAT(Locate("statements", "statements.c:29").moved_reason, ContainsText("has no code"));
}

TEST_CASE("A row without instructions in another function is no site where the line has a better one") {
  const LocatedLine located = Locate("statements", "statements.c:30");
  REQUIRE(located.sites.size() == 1);
  CHECK(located.sites[0].scope.name == "real");
  // And the only one where it has none.
  const LocatedLine alone = Locate("statements", "statements.c:31");
  REQUIRE(alone.sites.size() == 1);
  CHECK(alone.sites[0].scope.name == "other");
}

TEST_CASE("A site knows which of the statements at its address it is") {
  const auto site = [](const std::string& location) {
    const LocatedLine located = Locate("views.gcc.O2.dwarf5", location);
    REQUIRE(located.sites.size() == 1);
    return located.sites[0];
  };
  const StatementSite one = site(Marked("one"));
  const StatementSite two = site(Marked("two"));
  CHECK(one.address == two.address);
  CHECK(one.view + 1 == two.view);
  // A function begins before all statements at its address, an inlined copy behind those of its caller.
  CHECK(site("function:Steps").view == 0);
  const StatementSite inlined = site("function:Twice");
  CHECK(inlined.address == one.address);
  CHECK(inlined.view > two.view);
  CHECK(inlined.view < dwarf::kUnknownView);
  // A function returns behind all.
  for (const StatementSite& exit : Locate("views.gcc.O2.dwarf5", "return:Steps").sites) {
    CHECK(exit.view == dwarf::kLastView);
  }
}

TEST_CASE("A statement belongs to its own copy of a function, not to the next one that begins behind it") {
  v1::SymbolizerRequest request = Request("nested.gcc.O3", Marked("own", "nested.c"));
  request.mutable_spec()->set_template_("{depth} {base}");
  request.set_explain(true);
  const auto response = Resolve(request);
  INFO(response.status());
  REQUIRE(response.ok());
  REQUIRE(response->resolved().statements_size() > 1);
  for (const v1::Statement& statement : response->resolved().statements()) {
    for (const v1::BoundExpression& value : statement.candidates(0).expressions()) {
      CHECK(value.status() == v1::STATUS_OK);
    }
  }
}

TEST_CASE("What an object in a register refers to is captured, with the members of its type") {
  v1::SymbolizerRequest request = Request("closure.clang.O2", "function:Apply");
  request.mutable_spec()->set_template_("{function}");
  const auto response = Resolve(request);
  INFO(response.status());
  REQUIRE(response.ok());
  const v1::ResolvedLogpoint& resolved = response->resolved();
  const auto& ops = resolved.statements(0).candidates(0).plan().ops();
  CHECK(std::any_of(ops.begin(), ops.end(), [](const v1::CaptureOp& op) { return op.code() == v1::CAP_CALL; }));
  const auto& types = resolved.types();
  const auto order = std::find_if(types.begin(), types.end(), [](const v1::Type& t) { return t.name() == "Order"; });
  REQUIRE(order != types.end());
  CHECK(order->fields_size() == 2);
}

TEST_CASE("Where gcc wrote no views, a value that begins with one of several statements is not shown for any") {
  const auto value = [](const std::string& location, const std::string& name) {
    v1::SymbolizerRequest request = Request("views.gcc.O2.untold", location);
    request.mutable_spec()->set_template_("{" + name + "}");
    request.set_explain(true);
    const auto response = Resolve(request);
    INFO(location << ": " << response.status());
    REQUIRE(response.ok());
    REQUIRE(response->resolved().statements_size() == 1);
    return response->resolved().statements(0).candidates(0).expressions(0);
  };
  for (const char* mark : {"before", "one", "two", "same", "all"}) {
    CHECK(Locate("views.gcc.O2.untold", Marked(mark)).sites[0].view == dwarf::kUntoldView);
    CHECK(value(Marked(mark), "step").status() == v1::STATUS_OPTIMIZED_OUT);
  }
  CHECK_THAT(value(Marked("two"), "step").reason(), ContainsText("several values"));
  // A parameter as the function was given it: its first entry tells.
  CHECK(value(Marked("shift"), "kept").status() == v1::STATUS_OK);
  CHECK(value(Marked("shift"), "moved").status() == v1::STATUS_OPTIMIZED_OUT);
}

TEST_CASE("Lines are found and sites have functions in every version of DWARF") {
  for (const char* version : {"2", "3", "4", "5"}) {
    const std::string program = std::string("locals.gcc.O2.dwarf") + version;
    const LocatedLine located = Locate(program, "function:Pieces");
    REQUIRE(located.sites.size() == 1);
    CHECK_THAT(located.sites[0].scope.name, ContainsText("Pieces"));
    CHECK(located.sites[0].address == Locate("locals.gcc.O2.dwarf4", "function:Pieces").sites[0].address);
  }
}

TEST_CASE(
    "A function that may be described in a .dwo file that is missing names the file and where it was looked for") {
  const auto found = FindLocation(Request("split/missing", "function:zoo::Nowhere"));
  INFO(found.status());
  CHECK(absl::IsNotFound(found.status()));
  const std::string message(found.status().message());
  CHECK_THAT(message, ContainsText("no function 'zoo::Nowhere'"));
  CHECK_THAT(message, ContainsText("missing.zoo.dwo is missing; tried: "));
  CHECK_THAT(HintOf(found.status()), ContainsText(".dwo"));
  // Where nothing is missing, similar names are the better hint.
  const auto whole = FindLocation(Request("split/package5", "function:zoo::Nowhere"));
  CHECK_THAT(std::string(whole.status().message()), !ContainsText("missing"));
}

TEST_CASE("A computed truth value that is neither true nor false keeps its bits") {
  v1::SymbolizerRequest request = Request("statements", "statements.c:13");
  request.mutable_spec()->set_template_("{truth}");
  const auto response = Resolve(request);
  INFO(response.status());
  REQUIRE(response.ok());
  const v1::ResolvedLogpoint& resolved = response->resolved();
  REQUIRE(resolved.statements_size() == 1);
  const v1::Node& value = resolved.statements(0).candidates(0).expressions(0).value();
  // ~rax: 0xfe for rax = 1 is no truth value, and not what `!` would make of it.
  REQUIRE(value.has_composite());
  CHECK(value.composite().pieces(0).value().unary().op() == v1::OP_BIT_NOT);
  CHECK(resolved.types(static_cast<int>(value.type())).kind() == v1::TYPE_BOOL);
}

}  // namespace
}  // namespace dlog::symbolizer
