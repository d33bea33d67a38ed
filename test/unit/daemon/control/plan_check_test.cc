// SPDX-License-Identifier: Apache-2.0
//
// What the daemon makes of plans: which it refuses, which file they are for, which site it takes.
#include "daemon/control/plan_check.h"

#include <unistd.h>

#include <filesystem>
#include <string>

#include "daemon/control/plan_redaction.h"
#include "daemon/control/site_choice.h"
#include "symbolizer/base/status_hint.h"
#include "test/catch.h"
#include "test/fakes/fake_node.h"

namespace dlog::daemon {
namespace {

const std::string kSelf = std::filesystem::read_symlink("/proc/self/exe").string();

v1::CandidateSite Site(const std::string& bytes, bool moved = false) {
  v1::CandidateSite site;
  site.set_instruction_bytes(bytes);
  site.set_moved(moved);
  return site;
}

const std::string kPush = "\x55";
const std::string kCall("\xe8\x00\x00\x00\x00", 5);
const std::string kSyscall = "\x0f\x05";

TEST_CASE("plans that do not add up are refused") {
  CHECK(CheckResolved(fakes::PlanFor(kSelf, kSelf)).ok());
  auto version = fakes::PlanFor(kSelf, kSelf);
  version.set_format_version(4);
  auto literals = fakes::PlanFor(kSelf, kSelf);
  literals.mutable_parsed_template()->clear_literals();
  auto expressions = fakes::PlanFor(kSelf, kSelf);
  expressions.mutable_statements(0)->mutable_candidates(0)->add_expressions();
  auto candidates = fakes::PlanFor(kSelf, kSelf);
  candidates.mutable_statements(0)->clear_candidates();
  auto statements = fakes::PlanFor(kSelf, kSelf);
  for (int i = 0; i < kMaxStatements; ++i) *statements.add_statements() = statements.statements(0);
  auto functions = fakes::PlanFor(kSelf, kSelf);
  for (const uint64_t address : {2, 1}) functions.add_functions()->set_address(address);
  for (const auto* plan : {&version, &literals, &expressions, &candidates, &statements, &functions}) {
    const auto status = CheckResolved(*plan);
    CHECK(absl::IsInvalidArgument(status));
    CHECK_FALSE(HintOf(status).empty());
  }
}

TEST_CASE("the text of a template comes back as it was written") {
  v1::ParsedTemplate parsed;
  for (const char* literal : {"a {b} ", " c ", ""}) parsed.add_literals(literal);
  parsed.add_expressions()->set_text("o.id");
  auto* formatted = parsed.add_expressions();
  formatted->set_text("x");
  formatted->set_format("#x");
  CHECK(TemplateText(parsed) == "a {{b}} {o.id} c {x:#x}");
}

TEST_CASE("a plan belongs to the file with its build-id, wherever that lies") {
  auto plan = fakes::PlanFor("/elsewhere/program", kSelf);
  const std::vector<TargetModule> modules = {{"/bin/sh", "/bin/sh"}, {"/target/program", kSelf}};
  auto module = MatchModule(plan, modules, /*plan_given=*/true);
  REQUIRE(module.ok());
  CHECK(module->display_path == "/target/program");

  plan.mutable_binary()->set_build_id("another build");
  const auto other = MatchModule(plan, modules, true).status();
  CHECK(absl::IsFailedPrecondition(other));
  CHECK(std::string(other.message()).find("build-id") != std::string::npos);
  CHECK_FALSE(HintOf(other).empty());

  plan.mutable_binary()->clear_build_id();
  CHECK(absl::IsFailedPrecondition(MatchModule(plan, modules, true).status()));
}

TEST_CASE("an answer of the symbolizer must be about a file it was given, as it is now") {
  const std::vector<TargetModule> modules = {{kSelf, kSelf}};
  CHECK(MatchModule(fakes::PlanFor(kSelf, kSelf), modules, false).ok());
  CHECK(absl::IsInternal(MatchModule(fakes::PlanFor("/etc/shadow", kSelf), modules, false).status()));
  auto changed = fakes::PlanFor(kSelf, kSelf);
  changed.mutable_binary()->set_build_id("changed meanwhile");
  CHECK(absl::IsFailedPrecondition(MatchModule(changed, modules, false).status()));
}

TEST_CASE("of each statement the first candidate that is safe is taken") {
  v1::ResolvedLogpoint plan;
  v1::Statement* mixed = plan.add_statements();
  *mixed->add_candidates() = Site(kSyscall);
  *mixed->add_candidates() = Site("");
  *mixed->add_candidates() = Site(kPush, /*moved=*/true);
  *mixed->add_candidates() = Site(kPush);
  v1::Statement* hopeless = plan.add_statements();
  hopeless->set_function("g()");
  *hopeless->add_candidates() = Site(kSyscall);
  hopeless->mutable_candidates(0)->set_instruction("syscall");

  const SiteChoice any = ChooseSites(plan, {});
  REQUIRE(any.sites.size() == 1);
  CHECK(any.sites[0].statement == 0);
  CHECK(any.sites[0].candidate == 2);
  REQUIRE(any.refused.size() == 1);
  CHECK(any.refused[0].function() == "g()");
  CHECK(any.refused[0].instruction() == "syscall");
  CHECK_FALSE(any.refused[0].reason().empty());

  const SiteChoice exact = ChooseSites(plan, {v1::SITE_EXACT, false});
  REQUIRE(exact.sites.size() == 1);
  CHECK(exact.sites[0].candidate == 3);
}

TEST_CASE("no call is probed in a process with a shadow stack") {
  v1::ResolvedLogpoint plan;
  *plan.add_statements()->add_candidates() = Site(kCall);
  CHECK(ChooseSites(plan, {v1::SITE_AUTO, false}).sites.size() == 1);
  const SiteChoice choice = ChooseSites(plan, {v1::SITE_AUTO, true});
  CHECK(choice.sites.empty());
  REQUIRE(choice.refused.size() == 1);
  CHECK(choice.refused[0].reason().find("shadow stack") != std::string::npos);
}

TEST_CASE("what the canaries of this kernel speak against leaves the next candidate") {
  v1::ResolvedLogpoint plan;
  v1::Statement* statement = plan.add_statements();
  *statement->add_candidates() = Site(kPush);
  *statement->add_candidates() = Site(kCall);
  statement->set_entry(1);
  *plan.add_entries() = *statement;
  const auto no_push = [](const code::Instruction& instruction) {
    return instruction.text.starts_with("push") ? std::string("push is unsafe here") : std::string();
  };
  const SiteChoice any = ChooseSites(plan, {v1::SITE_AUTO, false, no_push});
  REQUIRE(any.sites.size() == 1);
  CHECK(any.sites[0].candidate == 1);
  CHECK(any.entries == std::vector<int>{1});

  statement->mutable_candidates()->RemoveLast();
  plan.mutable_entries(0)->mutable_candidates()->RemoveLast();
  const SiteChoice none = ChooseSites(plan, {v1::SITE_AUTO, false, no_push});
  CHECK(none.sites.empty());
  REQUIRE(none.refused.size() == 1);
  CHECK(none.refused[0].reason() == "push is unsafe here");
  CHECK(none.entries == std::vector<int>{-1});
  REQUIRE(none.refused_entries.size() == 1);
  KeepChosen(none, &plan);
  CHECK(plan.refused_size() == 2);
}

TEST_CASE("the entries of a plan are checked like its sites") {
  v1::ResolvedLogpoint plan = fakes::PlanFor(kSelf, kSelf);
  plan.set_format_version(3);
  plan.mutable_statements(0)->set_entry(1);
  CHECK(absl::IsInvalidArgument(CheckResolved(plan)));
  plan.add_entries();
  CHECK(absl::IsInvalidArgument(CheckResolved(plan)));
  *plan.mutable_entries(0)->add_candidates() = Site(kPush);
  CHECK(CheckResolved(plan).ok());
  plan.set_format_version(4);
  CHECK(absl::IsInvalidArgument(CheckResolved(plan)));
}

TEST_CASE("what explain shows is what attaching takes") {
  v1::ResolvedLogpoint plan;
  v1::Statement* first = plan.add_statements();
  *first->add_candidates() = Site(kSyscall);
  *plan.add_statements()->add_candidates() = Site(kSyscall);
  v1::Statement* last = plan.add_statements();
  last->set_function("h()");
  *last->add_candidates() = Site(kSyscall);
  *last->add_candidates() = Site(kPush);
  KeepChosen(ChooseSites(plan, {}), &plan);
  REQUIRE(plan.statements_size() == 1);
  CHECK(plan.statements(0).function() == "h()");
  REQUIRE(plan.statements(0).candidates_size() == 1);
  CHECK(plan.statements(0).candidates(0).instruction_bytes() == kPush);
  CHECK(plan.refused_size() == 2);
}

TEST_CASE("a plan that captures what this daemon redacts is refused") {
  const RedactionRules rules({{"password"}, {"*Credentials"}, {"password_age"}});
  const auto plan = [](const char* field, const char* mark) {
    v1::ResolvedLogpoint out = fakes::PlanFor(kSelf, kSelf);
    out.set_redaction(true);
    v1::Type* type = out.add_types();
    type->set_name("User");
    type->add_fields()->set_name(field);
    type->mutable_fields(0)->set_redacted(mark);
    return out;
  };
  CHECK(CheckRedaction(rules, plan("password", "its name"), true).ok());
  CHECK(CheckRedaction(rules, plan("id", ""), true).ok());
  CHECK(CheckRedaction(rules, plan("password_age", ""), true).ok());
  CHECK(absl::IsPermissionDenied(CheckRedaction(rules, plan("password", ""), true)));
  CHECK(absl::IsPermissionDenied(CheckRedaction(rules, plan("password", ""), false)));
  auto type = plan("id", "");
  type.add_types()->set_name("db::Credentials");
  CHECK(absl::IsPermissionDenied(CheckRedaction(rules, type, false)));
  auto without = plan("id", "");
  without.set_redaction(false);
  CHECK(absl::IsPermissionDenied(CheckRedaction(rules, without, false)));
  CHECK(CheckRedaction(RedactionRules(), without, true).ok());
}

TEST_CASE("a plan from a user is asked by its texts, too") {
  const RedactionRules rules({{"password"}, {}, {}});
  v1::ResolvedLogpoint plan = fakes::PlanFor(kSelf, kSelf);
  plan.set_redaction(true);
  plan.set_condition("user.name == \"password\" && c == '\\''");
  CHECK(CheckRedaction(rules, plan, true).ok());
  plan.set_condition("user->password[0] == 1");
  const absl::Status status = CheckRedaction(rules, plan, true);
  CHECK(absl::IsPermissionDenied(status));
  CHECK_FALSE(HintOf(status).empty());
  CHECK(CheckRedaction(rules, plan, false).ok());  // the worker may know that it is an enumerator
}

}  // namespace
}  // namespace dlog::daemon
