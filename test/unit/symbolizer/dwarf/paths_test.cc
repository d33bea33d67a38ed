// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/paths.h"

#include "symbolizer/dwarf/edit_distance.h"
#include "test/catch.h"

namespace dlog::dwarf {
namespace {

TEST_CASE("Paths lose their dots") {
  CHECK(NormalizePath("/a/./b//c") == "/a/b/c");
  CHECK(NormalizePath("/a/b/../c") == "/a/c");
  CHECK(NormalizePath("/../a") == "/a");
  CHECK(NormalizePath("./a/b") == "a/b");
  CHECK(NormalizePath("../a") == "../a");
  CHECK(NormalizePath("a/../../b") == "../b");
  CHECK(NormalizePath("/") == "/");
  CHECK(NormalizePath("").empty());
}

TEST_CASE("A relative path goes below its directory") {
  CHECK(JoinPath("/src", "a.cc") == "/src/a.cc");
  CHECK(JoinPath("/src", "/abs/a.cc") == "/abs/a.cc");
  CHECK(JoinPath("", "a.cc") == "a.cc");
}

TEST_CASE("Suffixes match on whole components") {
  CHECK(PathEndsIn("/src/shop/order.cc", "order.cc"));
  CHECK(PathEndsIn("/src/shop/order.cc", "shop/order.cc"));
  CHECK(PathEndsIn("/src/shop/order.cc", "/src/shop/order.cc"));
  CHECK_FALSE(PathEndsIn("/src/shop/order.cc", "der.cc"));
  CHECK_FALSE(PathEndsIn("/src/shop/order.cc", "hop/order.cc"));
  CHECK_FALSE(PathEndsIn("/src/shop/order.cc", "/shop/order.cc"));
  CHECK_FALSE(PathEndsIn("order.cc", "shop/order.cc"));
}

TEST_CASE("Close names come best first and only when close") {
  CloseNames close("Order.cc");
  close.Offer("orders.cc", "/src/orders.cc");
  close.Offer("order.cc", "/src/order.cc");
  close.Offer("completely_different.cc", "/src/completely_different.cc");
  close.Offer("order.cc", "/src/order.cc");
  CHECK(close.Best(5) == std::vector<std::string>{"/src/order.cc", "/src/orders.cc"});
  CHECK(close.Best(1).size() == 1);
}

}  // namespace
}  // namespace dlog::dwarf
