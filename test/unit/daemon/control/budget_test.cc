// SPDX-License-Identifier: Apache-2.0
//
// A logpoint that would cost more than its budget is taken off and put back.
#include <string>

#include "daemon/control/engine.h"
#include "daemon/control/time_budget.h"
#include "test/catch.h"
#include "test/fakes/fake_node.h"

namespace dlog::daemon {
namespace {

using fakes::Eventually;
using fakes::FakeNode;

const absl::Time kStart = absl::UnixEpoch() + absl::Hours(1);

std::string Add(FakeNode* node, double budget) {
  v1::AddRequest request = node->Request();
  request.mutable_spec()->mutable_limits()->set_budget(budget);
  auto state = node->engine->Add(request);
  REQUIRE(state.ok());
  return state->spec().id();
}

v1::LogpointState StateOf(const FakeNode& node, const std::string& id) {
  auto described = node.engine->Describe(id);
  return described.ok() ? described->logpoint() : v1::LogpointState();
}

}  // namespace

TEST_CASE("a budget begins full, fills up steadily and never holds more than a second's worth") {
  TimeBudget budget(0.01, kStart);
  CHECK(budget.Left(kStart) == absl::Milliseconds(10));
  CHECK(budget.Left(kStart + absl::Hours(1)) == absl::Milliseconds(10));
  budget.Spend(absl::Milliseconds(13), kStart);
  CHECK(budget.Left(kStart) == absl::Milliseconds(-3));
  CHECK(budget.Left(kStart + absl::Milliseconds(500)) == absl::Milliseconds(2));
  CHECK(budget.WhenLeft(absl::Milliseconds(2)) == kStart + absl::Milliseconds(500));
  CHECK(budget.WhenLeft(absl::Milliseconds(-5)) == kStart);
}

TEST_CASE("over its budget a logpoint is taken off, told as throttled, and put back when the budget has filled up") {
  FakeNode node;
  const std::string id = Add(&node, 0.01);
  // 10 ms are worth some ten thousand hits.
  node.kernel.Hit(0, 30000);
  REQUIRE(Eventually([&] { return node.kernel.attached(0).disarmed == 1; }));
  REQUIRE(Eventually([&] { return StateOf(node, id).state() == "throttled"; }));
  CHECK(StateOf(node, id).reason().find("1%") != std::string::npos);
  CHECK_FALSE(node.kernel.attached(0).armed);

  node.Advance(absl::Seconds(10));
  REQUIRE(Eventually([&] { return node.kernel.attached(0).armed; }));
  CHECK(StateOf(node, id).throttle_factor() > 1);
  CHECK(StateOf(node, id).overhead_ratio() > 0);

  // A calm line is no longer throttled.
  node.Advance(absl::Seconds(10));
  REQUIRE(Eventually([&] { return StateOf(node, id).state() == "active"; }));
  CHECK(node.kernel.attached(0).disarmed == 1);
}

TEST_CASE("within its budget a logpoint stays") {
  FakeNode node;
  const std::string id = Add(&node, 0.01);
  // All together less than a second's worth: however many of them the engine sees at once, it stays.
  for (int i = 0; i < 20; ++i) {
    node.kernel.Hit(0, 300);
    node.Advance(absl::Seconds(1));
  }
  REQUIRE(Eventually([&] { return StateOf(node, id).counters().hits() == 6000; }));
  CHECK(node.kernel.attached(0).disarmed == 0);
  CHECK(StateOf(node, id).state() == "active");
}

TEST_CASE("all logpoints of one target share its budget") {
  FakeNode node;
  for (int i = 0; i < 4; ++i) Add(&node, 0.01);
  // Each alone would be within its budget.
  for (size_t i = 0; i < 4; ++i) node.kernel.Hit(i, 9000);
  CHECK(Eventually([&] {
    int disarmed = 0;
    for (size_t i = 0; i < 4; ++i) disarmed += node.kernel.attached(i).disarmed;
    return disarmed > 0;
  }));
}

TEST_CASE("those that use up the target's budget are taken off together, one that costs nothing stays") {
  FakeNode node;
  for (int i = 0; i < 5; ++i) Add(&node, 0.01);
  for (size_t i = 0; i < 4; ++i) node.kernel.Hit(i, 9000);
  CHECK(Eventually([&] {
    size_t off = 0;
    for (size_t i = 0; i < 4; ++i) off += node.kernel.attached(i).armed ? 0 : 1;
    return off == 4;
  }));
  CHECK(node.kernel.attached(4).armed);
  CHECK(node.kernel.attached(4).disarmed == 0);
}

TEST_CASE("while the kernel is slow to take one off, others are taken off") {
  FakeNode node;
  for (int i = 0; i < 2; ++i) Add(&node, 0.01);
  node.kernel.HoldDisarm(0);
  node.kernel.Hit(0, 30000);
  node.kernel.Hit(1, 30000);
  CHECK(Eventually([&] { return node.kernel.attached(1).disarmed == 1; }));
  CHECK(node.kernel.attached(0).disarmed == 0);
  node.kernel.HoldDisarm({});
  CHECK(Eventually([&] { return node.kernel.attached(0).disarmed == 1; }));
}

TEST_CASE("a throttled logpoint is not armed again after its end") {
  FakeNode node;
  const std::string id = Add(&node, 0.01);
  node.kernel.Hit(0, 30000);
  REQUIRE(Eventually([&] { return node.kernel.attached(0).disarmed == 1; }));
  REQUIRE(node.engine->Remove({id}, false).ok());
  node.Advance(absl::Seconds(10));
  absl::SleepFor(absl::Milliseconds(20));
  CHECK_FALSE(node.kernel.attached(0).armed);
}

}  // namespace dlog::daemon
