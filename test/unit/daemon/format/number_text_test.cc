// SPDX-License-Identifier: Apache-2.0
#include "daemon/format/number_text.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>

#include "test/catch.h"

namespace dlog::format {
namespace {

template <typename T>
std::string Written(T value) {
  char text[kMaxNumberBytes];
  return {text, WriteNumber(value, text)};
}

TEST_CASE("integers are decimal, to the ends of their range") {
  CHECK(Written(int64_t{0}) == "0");
  CHECK(Written(int64_t{-1}) == "-1");
  CHECK(Written(std::numeric_limits<int64_t>::min()) == "-9223372036854775808");
  CHECK(Written(std::numeric_limits<uint64_t>::max()) == "18446744073709551615");
}

// The library's own shortest text is the truth.
TEST_CASE("floating point is written as std::format does it, whatever the number") {
  std::mt19937_64 random(4711);
  const auto check = [](double value) {
    for (const double each : {value, -value, std::nextafter(value, 0), std::nextafter(value, INFINITY)}) {
      if (Written(each) != fmt::format("{}", each)) FAIL(fmt::format("{:a}: {} is not {}", each, Written(each), each));
      const auto narrow = static_cast<float>(each);
      if (Written(narrow) != fmt::format("{}", narrow)) FAIL(fmt::format("{:a}: {}", narrow, Written(narrow)));
    }
  };
  for (const double value : {0.0, 1.0, 0.1, 9.95, 1e-4, 99e-6, 1e-5, 1e-6, 123456.789012, 999999999.999999, 1e9, 1e15,
                             1e16, 1e17, 4503599627370496.5, 0.3 + 0.6}) {
    check(value);
  }
  check(std::numeric_limits<double>::infinity());
  check(std::numeric_limits<double>::quiet_NaN());
  check(std::numeric_limits<double>::denorm_min());
  for (int i = 0; i < 100'000; ++i) {
    const uint64_t bits = random();
    double any;
    std::memcpy(&any, &bits, sizeof(any));
    check(any);
    double scale = 1;
    for (uint64_t decimals = random() % 9; decimals-- > 0;) scale *= 10;
    check(static_cast<double>(bits >> (random() % 64)) / scale);
  }
}

}  // namespace
}  // namespace dlog::format
