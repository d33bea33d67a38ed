// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/entries.h"

#include <algorithm>
#include <utility>

#include "symbolizer/candidates.h"
#include "symbolizer/code/argument_registers_x86_64.h"

namespace dlog::symbolizer {

std::string Entries::Make(const StatementSite& site, v1::Statement* statement) {
  const LinkAddress start = site.entry;
  auto judged = JudgeSite(module_, start);
  if (!judged.ok()) return std::string(judged.status().message());
  switch (finder_->StartOf(site.scope, start)) {
    case FunctionStart::kUnknown:
      return "the flow of control of its function is not known";
    case FunctionStart::kLoop:
      return "the function jumps back to its first instruction, which does not tell calls from rounds of a loop";
    case FunctionStart::kCalls:
      break;
  }
  statement->set_statement_address(start.value);
  statement->set_function(site.scope.name);
  if (!IsEmulated(*judged)) {
    code::CaptureInputs inputs;
    for (const uint8_t reg : code::kArgumentRegisters) inputs.gprs |= keeps_ ? 1u << reg : 0;
    for (code::Move& move : finder_->MovesFor(site.scope, start, inputs).moves) {
      if (!move.forward || !move.recovered.empty()) continue;
      auto moved = JudgeSite(module_, move.probe);
      if (!moved.ok() || !IsEmulated(*moved)) continue;
      v1::CandidateSite candidate = CandidateAt(*moved, move.probe);
      if (!SetReturnSlot(module_, move.probe, SlotPlace::kWithin, &candidate)) continue;
      candidate.set_moved(true);
      candidate.set_reason(move.reason);
      for (std::string& text : move.between) candidate.add_between(std::move(text));
      *statement->add_candidates() = std::move(candidate);
    }
  }
  if (judged->instruction.probe_class != code::ProbeClass::kRefused) {
    v1::CandidateSite own = CandidateAt(*judged, start);
    own.set_reason("first instruction of the function");
    if (SetReturnSlot(module_, start, SlotPlace::kEdge, &own)) *statement->add_candidates() = std::move(own);
  }
  if (!statement->candidates().empty()) return "";
  return judged->instruction.refusal.empty() ? "the place of its return address is not known"
                                             : "its entry carries no probe: " + judged->instruction.refusal;
}

Entries::Entry& Entries::Find(const StatementSite& site) {
  const auto [found, is_new] = entries_.try_emplace(site.entry.value);
  if (is_new) found->second.obstacle = Make(site, &found->second.statement);
  return found->second;
}

bool Entries::IsBehind(const StatementSite& site, LinkAddress probe) {
  const v1::Statement& statement = Find(site).statement;
  uint64_t last = site.entry.value;
  for (const v1::CandidateSite& candidate : statement.candidates()) last = std::max(last, candidate.probe_address());
  return probe.value < site.entry.value || probe.value > last;
}

uint32_t Entries::Use(const StatementSite& site, Wish wish, v1::ResolvedLogpoint* resolved) {
  Entry& entry = Find(site);
  if (entry.number == 0) {
    *resolved->add_entries() = entry.statement;
    entry.number = static_cast<uint32_t>(resolved->entries_size());
  }
  v1::Statement* used = resolved->mutable_entries(static_cast<int>(entry.number) - 1);
  used->set_timed(used->timed() || wish.timed);
  used->set_keeps(used->keeps() | wish.keeps);
  return entry.number;
}

}  // namespace dlog::symbolizer
