// SPDX-License-Identifier: Apache-2.0
#include "daemon/config/values.h"
#include "test/catch.h"

namespace dlog {
namespace {

TEST_CASE("durations") {
  CHECK(*ParseDurationMs("10m") == 600000);
  CHECK(*ParseDurationMs("1h30m") == 5400000);
  CHECK(*ParseDurationMs("2s") == 2000);
  CHECK(*ParseDurationMs("1.5s") == 1500);
  for (const char* text : {"", "10", "m", "-5s", "0s", "1us", "inf", "ten minutes"}) {
    INFO(text);
    CHECK_FALSE(ParseDurationMs(text).ok());
  }
}

TEST_CASE("rates") {
  CHECK(*ParseRate("500/s") == 500);
  CHECK(*ParseRate("500") == 500);
  CHECK(*ParseRate("0") == 0);
  for (const char* text : {"", "/s", "5/m", "-1", "1.5/s", "99999999999999999999"}) {
    INFO(text);
    CHECK_FALSE(ParseRate(text).ok());
  }
}

TEST_CASE("sizes") {
  CHECK(*ParseBytes("16KiB") == 16384);
  CHECK(*ParseBytes("16k") == 16384);
  CHECK(*ParseBytes("1M") == 1048576);
  CHECK(*ParseBytes("300") == 300);
  CHECK(*ParseBytes("2GiB") == uint64_t{2} << 30);
  for (const char* text : {"", "KiB", "16Q", "-1", "99999999999999999999", "18446744073709551615g"}) {
    INFO(text);
    CHECK_FALSE(ParseBytes(text).ok());
  }
}

}  // namespace
}  // namespace dlog
