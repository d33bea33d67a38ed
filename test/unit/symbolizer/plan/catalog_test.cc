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

TEST_CASE("the built-in catalog knows the string and leaves packed bools alone") {
  auto catalog = Catalog::BuiltIn();
  REQUIRE(catalog.ok());
  const Visualizer* string =
      catalog->Match("std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >");
  REQUIRE(string != nullptr);
  CHECK(string->has_string());
  const Visualizer* bits = catalog->Match("std::vector<bool, std::allocator<bool> >");
  REQUIRE(bits != nullptr);
  CHECK(bits->shape_case() == Visualizer::SHAPE_NOT_SET);
  CHECK(catalog->Match("shop::Order") == nullptr);
}

TEST_CASE("a broken visualizer file is refused with the line") {
  Catalog catalog;
  const absl::Status status = catalog.Add("visualizer {\n  match: 7\n}\n");
  REQUIRE_FALSE(status.ok());
  CHECK(std::string(status.message()).find("line 2") != std::string::npos);
}

}  // namespace
}  // namespace dlog::visualizers
