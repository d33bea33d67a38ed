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

TEST_CASE("the built-in catalog has the more special visualizer first") {
  auto catalog = Catalog::BuiltIn();
  REQUIRE(catalog.ok());
  const auto strings =
      catalog->Matches("std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >");
  REQUIRE(strings.size() == 1);
  CHECK(strings[0]->has_string());
  const auto bits = catalog->Matches("std::vector<bool, std::allocator<bool> >");
  REQUIRE(bits.size() == 2);
  CHECK(bits[0]->has_bits());
  CHECK(catalog->Matches("shop::Order").empty());
}

TEST_CASE("a broken visualizer file is refused with the line") {
  Catalog catalog;
  const absl::Status status = catalog.Add("visualizer {\n  match: 7\n}\n");
  REQUIRE_FALSE(status.ok());
  CHECK(std::string(status.message()).find("line 2") != std::string::npos);
}

}  // namespace
}  // namespace dlog::visualizers
