// SPDX-License-Identifier: Apache-2.0
//
// Logpoints that come with what another node has resolved, and ids that the client chooses.
#include <string>

#include "daemon/control/engine.h"
#include "test/catch.h"
#include "test/fakes/fake_node.h"

namespace dlog::daemon {
namespace {

using fakes::FakeNode;

v1::ResolvedLogpoint PlanOfThisProgram(const std::string& path) {
  v1::ResolvedLogpoint plan = fakes::PlanFor(path, "/proc/self/exe");
  REQUIRE_FALSE(plan.binary().build_id().empty());
  return plan;
}

TEST_CASE("what another node has resolved for the same build is attached without a worker, whatever its path there") {
  FakeNode node;
  v1::AddRequest request = node.Request();
  request.set_id("lp-fleet1");
  *request.mutable_known() = PlanOfThisProgram("/on/the/other/node");
  auto state = node.engine->Add(request);
  INFO(std::string(state.status().message()));
  REQUIRE(state.ok());
  CHECK(node.requests().empty());
  CHECK(state->state() == "active");
  CHECK(state->spec().id() == "lp-fleet1");
  CHECK(state->host() == "n1");
  auto resolved = node.engine->ResolvedOf("lp-fleet1");
  REQUIRE(resolved.has_value());
  CHECK(resolved->binary().path() != "/on/the/other/node");
}

TEST_CASE("of another build, this node resolves by itself") {
  FakeNode node;
  v1::AddRequest request = node.Request();
  *request.mutable_known() = PlanOfThisProgram("/x");
  request.mutable_known()->mutable_binary()->set_build_id("another");
  auto state = node.engine->Add(request);
  REQUIRE(state.ok());
  CHECK(node.requests().size() == 1);
  CHECK(state->spec().id() == "lp-1");
}

TEST_CASE("what was resolved for another location, text or condition is refused") {
  FakeNode node;
  for (int i = 0; i < 3; ++i) {
    v1::AddRequest request = node.Request();
    *request.mutable_known() = PlanOfThisProgram("/x");
    if (i == 0) request.mutable_spec()->set_location("order.cc:43");
    if (i == 1) request.mutable_spec()->set_template_("other");
    if (i == 2) request.mutable_spec()->set_condition("x > 1");
    CHECK(absl::IsInvalidArgument(node.engine->Add(request).status()));
  }
  CHECK(node.engine->List().empty());
}

TEST_CASE("a pending logpoint keeps the plan for the target that comes") {
  FakeNode node;
  v1::AddRequest request = node.Request();
  request.mutable_spec()->mutable_target()->set_pid(0);
  request.mutable_spec()->mutable_target()->add_selectors("comm:not-there");
  request.set_allow_pending(true);
  request.set_id("lp-later");
  *request.mutable_known() = PlanOfThisProgram("/x");
  auto state = node.engine->Add(request);
  REQUIRE(state.ok());
  CHECK(state->state() == "pending");
  CHECK(state->file() == "/src/order.cc");
  CHECK_FALSE(node.engine->ResolvedOf("lp-later").has_value());
}

TEST_CASE("an id that a client chooses is never one that the daemon would choose, and is taken once") {
  FakeNode node;
  for (const char* wrong :
       {"lp-1", "lp-", "lp", "x", "lp-A", "lp-a_b", "lp-\n", "lp-abcdefghijklmnopqrstuvwxyz0123456"}) {
    INFO(wrong);
    v1::AddRequest request = node.Request();
    request.set_id(wrong);
    CHECK(absl::IsInvalidArgument(node.engine->Add(request).status()));
  }
  v1::AddRequest request = node.Request();
  request.set_id("lp-a1-b");
  CHECK(node.engine->Add(request).ok());
  CHECK(absl::IsAlreadyExists(node.engine->Add(request).status()));
}

TEST_CASE("builds of a target are told without a worker") {
  FakeNode node;
  auto builds = node.engine->Builds(node.Request().spec().target());
  REQUIRE(builds.ok());
  REQUIRE(builds->modules_size() > 0);
  CHECK(builds->modules(0).build_id() == PlanOfThisProgram("/x").binary().build_id());
  CHECK(node.requests().empty());
  v1::Target nobody;
  nobody.add_selectors("comm:not-there");
  CHECK(absl::IsNotFound(node.engine->Builds(nobody).status()));
}

}  // namespace
}  // namespace dlog::daemon
