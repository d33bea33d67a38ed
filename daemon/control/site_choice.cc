// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/site_choice.h"

#include <fmt/format.h>

#include <cstdint>
#include <span>
#include <utility>

#include "symbolizer/base/status_hint.h"

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

// The first candidate without an objection, from `first` on; -1, and `refused`, when there is none.
int ChooseCandidate(const v1::Statement& statement, int first, const SitePolicyContext& context,
                    v1::RefusedSite* refused) {
  refused->set_statement_address(statement.statement_address());
  refused->set_function(statement.function());
  refused->set_reason("no instruction of this statement can carry a probe");
  for (int c = first; c < statement.candidates_size(); ++c) {
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

v1::RefusedSite RefusedAt(const v1::Statement& statement, int candidate, const std::string& reason) {
  v1::RefusedSite refused;
  refused.set_statement_address(statement.statement_address());
  refused.set_function(statement.function());
  refused.set_instruction(statement.candidates(candidate).instruction());
  refused.set_reason(reason);
  return refused;
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
    const int c = ChooseCandidate(resolved.statements(s), 0, context, &refused);
    if (c >= 0) {
      choice.sites.push_back({s, c});
    } else {
      choice.refused.push_back(std::move(refused));
    }
  }
  for (const v1::Statement& entry : resolved.entries()) {
    v1::RefusedSite refused;
    choice.entries.push_back(ChooseCandidate(entry, 0, context, &refused));
    if (choice.entries.back() < 0) choice.refused_entries.push_back(std::move(refused));
  }
  return choice;
}

bool ChooseNext(const std::vector<attach::MissingSite>& sites, const std::vector<attach::MissingSite>& entries,
                const SitePolicyContext& policy, pipeline::LogpointContext* context) {
  bool found = false;
  const auto advance = [&](const v1::Statement& statement, int* candidate) {
    v1::RefusedSite refused;
    const int next = ChooseCandidate(statement, *candidate + 1, policy, &refused);
    if (next < 0) return;
    *candidate = next;
    found = true;
  };
  for (const attach::MissingSite& missing : sites) {
    pipeline::LogpointContext::Site& site = context->sites[missing.site];
    advance(context->resolved.statements(site.statement), &site.candidate);
  }
  // Only entries with a candidate are in the order.
  std::vector<size_t> ordered;
  for (size_t e = 0; e < context->entries.size(); ++e) {
    if (context->entries[e] >= 0) ordered.push_back(e);
  }
  for (const attach::MissingSite& missing : entries) {
    const size_t e = ordered[missing.site];
    advance(context->resolved.entries(static_cast<int>(e)), &context->entries[e]);
  }
  return found;
}

std::vector<v1::RefusedSite> DropMissingEntries(const std::vector<attach::MissingSite>& missing,
                                                pipeline::LogpointContext* context) {
  std::vector<v1::RefusedSite> refused;
  auto next = missing.begin();
  size_t position = 0;
  for (size_t e = 0; e < context->entries.size() && next != missing.end(); ++e) {
    if (context->entries[e] < 0 || next->site != position++) continue;
    refused.push_back(RefusedAt(context->resolved.entries(static_cast<int>(e)), context->entries[e], next->reason));
    context->entries[e] = -1;
    ++next;
  }
  return refused;
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
    context->refused.push_back(RefusedAt(context->resolved.statements(site.statement), site.candidate, next->reason));
    ++next;
  }
  context->sites = std::move(sites);
  return kept;
}

absl::Status NothingToProbe(const pipeline::LogpointContext& context) {
  const v1::ResolvedLogpoint& resolved = context.resolved;
  std::string why = "it has no code";
  if (!context.refused.empty()) {
    why = fmt::format("'{}': {}", context.refused.front().instruction(), context.refused.front().reason());
  } else if (resolved.refused_size() > 0) {
    why = fmt::format("'{}': {}", resolved.refused(0).instruction(), resolved.refused(0).reason());
  }
  return WithHint(absl::FailedPreconditionError(
                      fmt::format("{}:{} cannot carry a probe: {}", resolved.file(), resolved.line(), why)),
                  "choose a neighbouring line (`dlogctl lines` shows which ones can carry a logpoint)");
}

std::string EntryWarning(const v1::RefusedSite& entry) {
  return fmt::format(
      "what only the start of a call of {} tells ($duration, --recover) is not known: its entry cannot carry a probe: "
      "{}",
      ShortFunction(entry.function()), entry.reason());
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
