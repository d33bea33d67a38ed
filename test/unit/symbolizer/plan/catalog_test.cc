// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/visualizers/catalog.h"
#include "test/catch.h"

namespace dlog::visualizers {
namespace {

TEST_CASE("a star matches any text, the rest matches itself") {
  CHECK(MatchesPattern("std::vector<*>", "std::vector<int, std::allocator<int> >"));
  CHECK_FALSE(MatchesPattern("std::vector<*>", "std::vectorize<int>"));
  CHECK_FALSE(MatchesPattern("std::vector<*>", "my::std::vector<int>"));
  CHECK(MatchesPattern("*", ""));
  CHECK(MatchesPattern("a*b*c", "a--b--b--c"));
  CHECK_FALSE(MatchesPattern("a*b*c", "a--c--b"));
}

TEST_CASE("a star behind a backslash is a star") {
  CHECK(MatchesPattern("List<*\\*>", "List<int*>"));
  CHECK(MatchesPattern("List<*\\*>", "List<int**>"));
  CHECK_FALSE(MatchesPattern("List<*\\*>", "List<int>"));
  CHECK_FALSE(MatchesPattern("List<\\*", "List<\\"));
  CHECK(MatchesPattern("a\\", "a\\"));
}

TEST_CASE("the built-in catalog has the more special visualizer first") {
  auto catalog = Catalog::BuiltIn();
  REQUIRE(catalog.ok());
  const auto strings =
      catalog->Matches("std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >");
  REQUIRE(!strings.empty());
  CHECK(strings[0]->has_string());
  const auto bits = catalog->Matches("std::vector<bool, std::allocator<bool> >");
  REQUIRE(bits.size() >= 2);
  CHECK(bits[0]->has_bits());
  CHECK(bits[1]->has_sequence());
  // Only what asks for a base class may match any name.
  for (const Visualizer* visualizer : catalog->Matches("shop::Order")) CHECK(!visualizer->base_class().empty());
}

TEST_CASE("a broken visualizer file is refused with the line") {
  Catalog catalog;
  const absl::Status status = catalog.Add("visualizer {\n  match: 7\n}\n", "mine.txtpb");
  REQUIRE_FALSE(status.ok());
  CHECK_THAT(std::string(status.message()), ContainsText("mine.txtpb:2: "));
}

TEST_CASE("what a visualizer file says wrongly is told with file and line") {
  const auto error = [](std::string_view text) {
    Catalog catalog;
    const absl::Status status = catalog.Add(text, "mine.txtpb");
    CHECK(catalog.Matches("X").empty());
    return std::string(status.message());
  };
  CHECK_THAT(error("visualizer {\n  match: \"X\"\n  sequence { begin: \"a\"\n    size: \"b +\" }\n}\n"),
             ContainsText("mine.txtpb:4: size: \"b +\": "));
  CHECK_THAT(error("\nvisualizer { match: \"X\" }\n"), ContainsText("mine.txtpb:2: a visualizer that does not say"));
  CHECK_THAT(error("visualizer { alias { value: \"a\" } }\n"), ContainsText("mine.txtpb:1: a visualizer without"));
  CHECK_THAT(error("visualizer { match: \"X\" list { node: \"a:0 | b c\" } }\n"),
             ContainsText("mine.txtpb:1: node: \"b c\""));
  CHECK_THAT(error("visualizer { match: \"X\"\n sequins {} }\n"), ContainsText("mine.txtpb:2: "));
  CHECK_THAT(error("visualizer { match: \"X\"\n alias { value: \"f()\" } }\n"), ContainsText("mine.txtpb:2: value: "));
}

TEST_CASE("a user's visualizer comes before the built-in ones and is known by its line") {
  Catalog catalog;
  REQUIRE(catalog.Add("\nvisualizer { match: \"std::vector<*>\" alias { value: \"x\" } }", "mine.txtpb").ok());
  REQUIRE(catalog.AddBuiltIn().ok());
  const auto found = catalog.Matches("std::vector<int>");
  REQUIRE(found.size() >= 2);
  CHECK(found[0]->has_alias());
  CHECK(catalog.OriginOf(*found[0]) == "mine.txtpb:2");
  CHECK(catalog.OriginOf(*found[1]).empty());
}

}  // namespace
}  // namespace dlog::visualizers
