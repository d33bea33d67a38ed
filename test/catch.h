// SPDX-License-Identifier: Apache-2.0
//
// Catch2, version 2 (Debian 12) or 3 (Debian 13, Ubuntu 24.04): where the two differ, tests use the names below.
#pragma once

#include <string>

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

namespace dlog {

// Matcher: the text contains `part`.
inline auto ContainsText(const std::string& part) {
#if __has_include(<catch2/catch_all.hpp>)
  return Catch::Matchers::ContainsSubstring(part);
#else
  return Catch::Matchers::Contains(part);
#endif
}

}  // namespace dlog
