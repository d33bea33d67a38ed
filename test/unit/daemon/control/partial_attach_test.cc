// SPDX-License-Identifier: Apache-2.0
//
// Logpoints of which some sites carry no probe.
#include <string>
#include <vector>

#include "daemon/control/site_choice.h"
#include "test/catch.h"
#include "test/fakes/fake_node.h"

namespace dlog::daemon {
namespace {

using fakes::Eventually;
using fakes::FakeNode;

// `count` statements at 0x1000, 0x1010, ...
v1::ResolvedLogpoint Plan(const std::string& display_path, const std::string& open_path, int count) {
  v1::ResolvedLogpoint plan = fakes::PlanFor(display_path, open_path);
  for (int i = 1; i < count; ++i) {
    v1::Statement* statement = plan.add_statements();
    *statement = plan.statements(0);
    const uint64_t address = 0x1000 + 0x10 * static_cast<uint64_t>(i);
    statement->set_statement_address(address);
    statement->mutable_candidates(0)->set_probe_address(address);
    statement->mutable_candidates(0)->set_file_offset(address);
  }
  return plan;
}

void ResolveWithSites(FakeNode* node, int count) {
  node->SymbolizeWith([count](const v1::SymbolizerRequest& request) -> absl::StatusOr<v1::SymbolizerResponse> {
    v1::SymbolizerResponse response;
    *response.mutable_resolved() = Plan(request.modules(0).display_path(), request.modules(0).open_path(), count);
    return response;
  });
}

TEST_CASE("sites that got no probe are told with their reason, the others work") {
  FakeNode node;
  ResolveWithSites(&node, 3);
  node.kernel.MissNextAttach({{1, "the kernel refuses a probe on this instruction"}});
  auto state = node.engine->Add(node.Request());
  REQUIRE(state.ok());
  CHECK(state->state() == "active");
  CHECK(state->sites() == 2);
  CHECK(state->sites_refused() == 1);
  REQUIRE(state->warnings_size() == 1);
  CHECK_THAT(state->warnings(0), ContainsText("1 of 3 sites") && ContainsText("0x1010") && ContainsText("f()") &&
                                     ContainsText("refuses a probe"));
  auto described = node.engine->Describe(state->spec().id());
  REQUIRE(described.ok());
  CHECK(described->resolved().statements_size() == 2);
  CHECK(described->resolved().statements(1).statement_address() == 0x1020);
  REQUIRE(described->resolved().refused_size() == 1);
  CHECK(described->resolved().refused(0).statement_address() == 0x1010);
  CHECK(described->resolved().refused(0).instruction() == "push rbp");
  node.kernel.Hit(0, 3);
  CHECK(Eventually([&] { return node.engine->List()[0].counters().emitted() == 3; }));
}

// A second candidate, 8 bytes on.
void AddCandidate(v1::Statement* statement) {
  v1::CandidateSite next = statement->candidates(0);
  next.set_probe_address(next.probe_address() + 8);
  next.set_file_offset(next.file_offset() + 8);
  *statement->add_candidates() = next;
}

TEST_CASE("where the kernel refuses a probe the statement's next candidate carries it") {
  FakeNode node;
  node.SymbolizeWith([](const v1::SymbolizerRequest& request) -> absl::StatusOr<v1::SymbolizerResponse> {
    v1::SymbolizerResponse response;
    *response.mutable_resolved() = Plan(request.modules(0).display_path(), request.modules(0).open_path(), 3);
    AddCandidate(response.mutable_resolved()->mutable_statements(1));
    return response;
  });
  node.kernel.MissNextAttach({{1, "the kernel refuses a probe on this instruction"}});
  auto state = node.engine->Add(node.Request());
  REQUIRE(state.ok());
  CHECK(state->sites() == 3);
  CHECK(state->warnings_size() == 0);
  REQUIRE(node.kernel.attached_count() == 2);
  CHECK(node.kernel.attached(0).freed);
  const auto& sites = node.kernel.attached(1).order.sites;
  REQUIRE(sites.size() == 3);
  CHECK(sites[0].offset.value == 0x1000);
  CHECK(sites[1].offset.value == 0x1018);
  auto described = node.engine->Describe(state->spec().id());
  REQUIRE(described.ok());
  CHECK(described->resolved().statements(1).candidates(0).probe_address() == 0x1018);
}

TEST_CASE("without a site that takes a probe there is no logpoint") {
  FakeNode node;
  node.kernel.MissNextAttach({{0, "the kernel refuses a probe on this instruction"}});
  auto refused = node.engine->Add(node.Request());
  REQUIRE(absl::IsFailedPrecondition(refused.status()));
  CHECK_THAT(std::string(refused.status().message()), ContainsText("cannot carry a probe") && ContainsText("refuses"));
  CHECK(node.engine->List().empty());
  CHECK(node.kernel.attached(0).freed);
}

TEST_CASE("entries change to their next candidate, and without one have none") {
  pipeline::LogpointContext context;
  const v1::ResolvedLogpoint plan = Plan("/bin/x", "/proc/self/exe", 3);
  for (const v1::Statement& statement : plan.statements()) *context.resolved.add_entries() = statement;
  AddCandidate(context.resolved.mutable_entries(2));
  context.entries = {0, -1, 0};
  CHECK(ChooseNext({}, {{1, "no"}}, {}, &context));
  CHECK(context.entries == std::vector<int>{0, -1, 1});
  CHECK_FALSE(ChooseNext({}, {{0, "no"}, {1, "no"}}, {}, &context));
  const auto refused = DropMissingEntries({{1, "why"}}, &context);
  CHECK(context.entries == std::vector<int>{0, -1, -1});
  REQUIRE(refused.size() == 1);
  CHECK_THAT(EntryWarning(refused[0]), ContainsText("why") && ContainsText("f()"));
}

TEST_CASE("a logpoint that is attached again tells each missing site once") {
  FakeNode node;
  ResolveWithSites(&node, 2);
  node.kernel.MissNextAttach({{1, "refused"}});
  auto state = node.engine->Add(node.Request());
  REQUIRE(state.ok());
  REQUIRE(node.engine->Pause({state->spec().id()}).ok());
  node.kernel.MissNextAttach({{1, "refused"}});
  auto resumed = node.engine->Resume({state->spec().id()});
  REQUIRE(resumed.ok());
  CHECK((*resumed)[0].sites() == 1);
  CHECK((*resumed)[0].sites_refused() == 1);
  CHECK((*resumed)[0].warnings_size() == 1);
}

TEST_CASE("missing sites leave the others in their order") {
  pipeline::LogpointContext context;
  context.resolved = Plan("/bin/x", "/proc/self/exe", 4);
  for (int i = 0; i < 4; ++i) context.sites.push_back({i, 0});
  const auto kept = DropMissing({{0, "first"}, {2, "third"}}, &context);
  CHECK(kept == std::vector<size_t>{1, 3});
  REQUIRE(context.sites.size() == 2);
  CHECK(context.sites[0].statement == 1);
  CHECK(context.sites[1].statement == 3);
  REQUIRE(context.refused.size() == 2);
  CHECK(context.refused[1].reason() == "third");
  CHECK_THAT(RefusalWarning(context), ContainsText("2 of 4 sites"));
}

TEST_CASE("without refused sites there is no warning, and many are not all told") {
  pipeline::LogpointContext context;
  context.sites.push_back({0, 0});
  CHECK(RefusalWarning(context) == "");
  for (int i = 0; i < 50; ++i) context.refused.emplace_back().set_reason("no");
  CHECK_THAT(RefusalWarning(context), ContainsText("50 of 51 sites") && ContainsText("..."));
  CHECK(RefusalWarning(context).size() < 300);
}

}  // namespace
}  // namespace dlog::daemon
