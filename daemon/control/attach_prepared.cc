// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/attach_prepared.h"

#include <cstddef>
#include <optional>
#include <vector>

namespace dlog::daemon {
namespace {

// Statements have two or three candidates.
constexpr int kMostAttempts = 4;

// What gets a probe: the sites, and the entries that can have one.
void FillPlaces(const pipeline::LogpointContext& context, AttachOrder* order) {
  order->sites.clear();
  order->entries.clear();
  std::vector<std::optional<size_t>> positions;
  for (size_t e = 0; e < context.entries.size(); ++e) {
    positions.emplace_back();
    if (context.entries[e] < 0) continue;
    const v1::Statement& start = context.resolved.entries(static_cast<int>(e));
    const v1::CandidateSite& entry = start.candidates(context.entries[e]);
    positions.back() = order->entries.size();
    order->entries.push_back({FileOffset{entry.file_offset()}, entry.instruction_bytes(), entry.return_slot(),
                              start.timed(), start.keeps()});
  }
  for (const auto& site : context.sites) {
    const v1::Statement& statement = context.resolved.statements(site.statement);
    const v1::CandidateSite& candidate = statement.candidates(site.candidate);
    order->sites.push_back({FileOffset{candidate.file_offset()}, candidate.instruction_bytes(), &candidate.plan()});
    if (statement.entry() == 0 || statement.entry() > positions.size()) continue;
    const std::optional<size_t> entry = positions[statement.entry() - 1];
    if (entry.has_value()) order->sites.back().call = {*entry, candidate.return_slot(), statement.timed()};
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Attachment>> AttachPrepared(Attacher* attacher, Prepared* prepared) {
  pipeline::LogpointContext& context = prepared->context;
  for (int attempt = 1;; ++attempt) {
    FillPlaces(context, &prepared->order);
    auto attachment = attacher->Attach(prepared->order);
    if (!attachment.ok()) return attachment;
    const std::vector<attach::MissingSite> sites = (*attachment)->missing();
    const std::vector<attach::MissingSite> entries = (*attachment)->missing_entries();
    if (attempt < kMostAttempts && ChooseNext(sites, entries, prepared->site_policy, &context)) continue;
    for (const v1::RefusedSite& refused : DropMissingEntries(entries, &context)) {
      prepared->warnings.push_back(EntryWarning(refused));
    }
    if (sites.size() < context.sites.size()) return attachment;
    DropMissing(sites, &context);
    return NothingToProbe(context);
  }
}

}  // namespace dlog::daemon
