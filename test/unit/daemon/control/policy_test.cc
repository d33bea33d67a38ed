// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/policy.h"

#include <string>
#include <vector>

#include "symbolizer/base/status_hint.h"
#include "test/catch.h"

namespace dlog::daemon {
namespace {

using Warnings = std::vector<std::string>;

TEST_CASE("what is not asked for gets the documented default") {
  v1::LogpointSpec spec;
  Warnings warnings;
  REQUIRE(ApplyPolicy(&spec, &warnings).ok());
  CHECK(spec.limits().ttl_ms() == 3600000);
  CHECK(spec.limits().hits() == 0);
  CHECK(spec.limits().rate_per_second() == 1000);
  CHECK(spec.limits().depth() == 3);
  CHECK(spec.limits().items() == 100);
  CHECK(spec.limits().string_bytes() == 256);
  CHECK(spec.limits().event_bytes() == 16384);
  CHECK(spec.level() == v1::LEVEL_INFO);
  CHECK(spec.kind() == v1::KIND_LOG);
  CHECK(warnings.empty());
}

TEST_CASE("a rate of 0 that was asked for is unlimited") {
  v1::LogpointSpec spec;
  Warnings warnings;
  spec.mutable_limits()->set_rate_per_second(0);
  REQUIRE(ApplyPolicy(&spec, &warnings).ok());
  CHECK(spec.limits().rate_per_second() == 0);
  CHECK(warnings.empty());
}

TEST_CASE("values inside the limits stay") {
  v1::LogpointSpec spec;
  Warnings warnings;
  spec.mutable_limits()->set_ttl_ms(2000);
  spec.mutable_limits()->set_hits(5);
  spec.mutable_limits()->set_depth(10);
  spec.mutable_limits()->set_event_bytes(32768);
  REQUIRE(ApplyPolicy(&spec, &warnings).ok());
  CHECK(spec.limits().ttl_ms() == 2000);
  CHECK(spec.limits().hits() == 5);
  CHECK(spec.limits().depth() == 10);
  CHECK(spec.limits().event_bytes() == 32768);
  CHECK(warnings.empty());
}

TEST_CASE("values outside the limits are brought inside, each with a warning") {
  v1::LogpointSpec spec;
  Warnings warnings;
  spec.mutable_limits()->set_ttl_ms(UINT64_MAX);
  spec.mutable_limits()->set_rate_per_second(UINT64_MAX);
  spec.mutable_limits()->set_depth(UINT32_MAX);
  spec.mutable_limits()->set_items(UINT32_MAX);
  spec.mutable_limits()->set_string_bytes(UINT32_MAX);
  spec.mutable_limits()->set_event_bytes(1);
  REQUIRE(ApplyPolicy(&spec, &warnings).ok());
  CHECK(spec.limits().ttl_ms() == 7ull * 24 * 3600 * 1000);
  CHECK(spec.limits().rate_per_second() == 1000000);
  CHECK(spec.limits().depth() == 10);
  CHECK(spec.limits().items() == 10000);
  CHECK(spec.limits().string_bytes() == DLOG_MAX_READ);
  CHECK(spec.limits().event_bytes() == 64);
  CHECK(warnings.size() == 6);

  const std::string once = spec.SerializeAsString();
  warnings.clear();
  REQUIRE(ApplyPolicy(&spec, &warnings).ok());
  CHECK(spec.SerializeAsString() == once);
  CHECK(warnings.empty());
}

TEST_CASE("strings that are too long and words that do not exist are refused") {
  Warnings warnings;
  v1::LogpointSpec text, condition, location, level, tag, tags, selectors;
  text.set_template_(std::string(kMaxTemplateBytes + 1, 'x'));
  condition.set_condition(std::string(kMaxConditionBytes + 1, 'x'));
  location.set_location(std::string(kMaxLocationBytes + 1, 'x'));
  level.set_level(static_cast<v1::Level>(77));
  tag.add_tags("two\nlines");
  for (int i = 0; i <= kMaxTags; ++i) tags.add_tags("t");
  for (int i = 0; i <= kMaxSelectors; ++i) selectors.mutable_target()->add_selectors("comm:x");
  for (v1::LogpointSpec* spec : {&text, &condition, &location, &level, &tag, &tags, &selectors}) {
    INFO(spec->ShortDebugString().substr(0, 80));
    CHECK(absl::IsInvalidArgument(ApplyPolicy(spec, &warnings)));
  }
  v1::LogpointSpec longest;
  longest.set_template_(std::string(kMaxTemplateBytes, 'x'));
  CHECK(ApplyPolicy(&longest, &warnings).ok());
}

}  // namespace
}  // namespace dlog::daemon
