// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/site_choice.h"

#include <fmt/format.h>

#include <cstdint>
#include <span>
#include <utility>

namespace dlog::daemon {
namespace {

constexpr size_t kRefusalsTold = 3;

std::string ShortFunction(const std::string& function) { return function.empty() ? "an unnamed function" : function; }

// Why `candidate` must not carry a probe, or empty.
std::string Objection(const v1::CandidateSite& candidate, const SitePolicyContext& context) {
  if (context.policy == v1::SITE_EXACT && candidate.moved()) {
    return "the statement's first instruction cannot carry a probe, and --site=exact allows no other";
  }
  const std::string& bytes = candidate.instruction_bytes();
  auto instruction = code::Decode({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()},
                                  LinkAddress{candidate.probe_address()});
  if (!instruction.ok()) return std::string(instruction.status().message());
  if (instruction->probe_class == code::ProbeClass::kRefused) return instruction->refusal;
  if (context.shadow_stack && instruction->text.compare(0, 4, "call") == 0) {
    return "the process has a shadow stack, and an emulated call could fault on it";
  }
  return context.canaries ? context.canaries(*instruction) : "";
}

// The first candidate without an objection; -1, and `refused`, when there is none.
int ChooseCandidate(const v1::Statement& statement, const SitePolicyContext& context, v1::RefusedSite* refused) {
  refused->set_statement_address(statement.statement_address());
  refused->set_function(statement.function());
  refused->set_reason("no instruction of this statement can carry a probe");
  for (int c = 0; c < statement.candidates_size(); ++c) {
    const std::string objection = Objection(statement.candidates(c), context);
    if (objection.empty()) return c;
    refused->set_instruction(statement.candidates(c).instruction());
    refused->set_reason(objection);
  }
  if (statement.has_own()) {
    refused->set_instruction(statement.own().instruction());
    refused->set_reason(statement.own().reason());
  }
  return -1;
}

// Leaves the statement with one candidate.
void KeepCandidate(int candidate, v1::Statement* statement) {
  v1::CandidateSite kept;
  kept.Swap(statement->mutable_candidates(candidate));
  statement->clear_candidates();
  statement->add_candidates()->Swap(&kept);
}

}  // namespace

SiteChoice ChooseSites(const v1::ResolvedLogpoint& resolved, const SitePolicyContext& context) {
  SiteChoice choice;
  for (int s = 0; s < resolved.statements_size(); ++s) {
    v1::RefusedSite refused;
    const int c = ChooseCandidate(resolved.statements(s), context, &refused);
    if (c >= 0) {
      choice.sites.push_back({s, c});
    } else {
      choice.refused.push_back(std::move(refused));
    }
  }
  for (const v1::Statement& entry : resolved.entries()) {
    v1::RefusedSite refused;
    choice.entries.push_back(ChooseCandidate(entry, context, &refused));
    if (choice.entries.back() < 0) choice.refused_entries.push_back(std::move(refused));
  }
  return choice;
}

std::vector<size_t> DropMissing(const std::vector<attach::MissingSite>& missing, pipeline::LogpointContext* context) {
  std::vector<size_t> kept;
  std::vector<pipeline::LogpointContext::Site> sites;
  auto next = missing.begin();
  for (size_t i = 0; i < context->sites.size(); ++i) {
    const auto& site = context->sites[i];
    if (next == missing.end() || next->site != i) {
      kept.push_back(i);
      sites.push_back(site);
      continue;
    }
    const v1::Statement& statement = context->resolved.statements(site.statement);
    v1::RefusedSite refused;
    refused.set_statement_address(statement.statement_address());
    refused.set_function(statement.function());
    refused.set_instruction(statement.candidates(site.candidate).instruction());
    refused.set_reason(next->reason);
    context->refused.push_back(std::move(refused));
    ++next;
  }
  context->sites = std::move(sites);
  return kept;
}

std::string RefusalWarning(const pipeline::LogpointContext& context) {
  std::vector<std::string> told;
  size_t refused = 0;
  const auto add = [&](const v1::RefusedSite& site) {
    ++refused;
    if (told.size() < kRefusalsTold) {
      told.push_back(
          fmt::format("{:#x} in {} ({})", site.statement_address(), ShortFunction(site.function()), site.reason()));
    }
  };
  for (const v1::RefusedSite& site : context.refused) add(site);
  for (const v1::RefusedSite& site : context.resolved.refused()) add(site);
  if (refused == 0) return "";
  return fmt::format("{} of {} sites cannot carry a probe: hits there are not seen: {}{}", refused,
                     refused + context.sites.size(), fmt::join(told, "; "), refused > told.size() ? "; ..." : "");
}

void KeepChosen(const SiteChoice& choice, v1::ResolvedLogpoint* resolved) {
  google::protobuf::RepeatedPtrField<v1::Statement> kept;
  for (const auto& site : choice.sites) {
    v1::Statement* statement = kept.Add();
    statement->Swap(resolved->mutable_statements(site.statement));
    KeepCandidate(site.candidate, statement);
  }
  for (int e = 0; e < resolved->entries_size(); ++e) {
    const int candidate = static_cast<size_t>(e) < choice.entries.size() ? choice.entries[static_cast<size_t>(e)] : -1;
    if (candidate >= 0) {
      KeepCandidate(candidate, resolved->mutable_entries(e));
    } else {
      resolved->mutable_entries(e)->clear_candidates();
    }
  }
  for (const v1::RefusedSite& refused : choice.refused_entries) *resolved->add_refused() = refused;
  resolved->mutable_statements()->Swap(&kept);
  for (const v1::RefusedSite& refused : choice.refused) *resolved->add_refused() = refused;
}

}  // namespace dlog::daemon
