// SPDX-License-Identifier: Apache-2.0
#include "daemon/format/type_name.h"

#include "test/catch.h"

namespace dlog::format {
namespace {

TEST_CASE("names of type_info are shown as C++ spells the types") {
  CHECK(TypeNameText("i") == "int");
  CHECK(TypeNameText("PKc") == "const char*");
  CHECK(TypeNameText("5Order") == "Order");
  CHECK(TypeNameText("N4shop5OrderE") == "shop::Order");
  CHECK(TypeNameText("St13runtime_error") == "std::runtime_error");
  CHECK(TypeNameText("NSt8ios_base7failureE") == "std::ios_base::failure");
  CHECK(TypeNameText("*N12_GLOBAL__N_17PrivateE") == "(anonymous namespace)::Private");
  CHECK(TypeNameText("NSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE") == "std::string");
}

TEST_CASE("names with template arguments and texts that are no names are left alone") {
  for (const char* text : {"", "N", "NE", "P", "PP", "q", "9", "99999999999999999999x", "5Ord", "5Orderx", "3a\x01z",
                           "St", "St6vectorIiSaIiEE", "N4shop5OrderIiEE", "3abc3def", "N4shop5Order"}) {
    INFO(text);
    CHECK(TypeNameText(text).empty());
  }
}

}  // namespace
}  // namespace dlog::format
