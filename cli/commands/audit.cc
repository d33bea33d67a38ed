// SPDX-License-Identifier: Apache-2.0
//
// dlogctl audit: who added, removed, paused or resumed what, on one node or on all.
#include "daemon/control/audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands/showing.h"
#include "cli/context.h"
#include "cli/exit_status.h"
#include "cli/render/output.h"
#include "daemon/format/json_writer.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::cli {
namespace {

constexpr uint32_t kDefaultLast = 50;

struct HostRecord {
  std::string host;
  v1::AuditRecord record;
};

// The newest `last` of all nodes, the oldest first.
std::vector<HostRecord> Merge(std::vector<v1::AuditResponse>* answers, size_t last) {
  std::vector<HostRecord> all;
  for (v1::AuditResponse& answer : *answers) {
    for (v1::AuditRecord& record : *answer.mutable_records()) all.push_back({answer.host(), std::move(record)});
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const HostRecord& a, const HostRecord& b) { return a.record.time() < b.record.time(); });
  if (last != 0 && all.size() > last) all.erase(all.begin(), all.end() - static_cast<long>(last));
  return all;
}

std::string AuditJson(const std::vector<HostRecord>& records, const std::vector<NodeError>& errors) {
  std::string out;
  format::JsonWriter json(&out);
  json.BeginObject().Key("audit").BeginArray();
  for (const HostRecord& each : records) {
    json.BeginObject().Key("host").String(each.host);
    daemon::WriteAuditRecord(each.record, &json);
    json.EndObject();
  }
  json.EndArray();
  WriteNodeErrorsJson(errors, &json);
  json.EndObject();
  return out + "\n";
}

// "uid 0, pid 4711", "ops at ipv4:10.0.0.1:4242"
std::string WhoText(const v1::AuditRecord& record) {
  if (record.has_uid()) return fmt::format("uid {}, pid {}", record.uid(), record.pid());
  return record.certificate().empty() ? record.peer() : fmt::format("{} at {}", record.certificate(), record.peer());
}

// "pid 29928 order.cc:24 'order {o.id}' if total > 5"
std::string WhatText(const v1::AuditRecord& record) {
  if (record.location().empty() && record.target().empty()) return "";
  std::string out = fmt::format("{} {} '{}'", record.target(), record.location(), record.text());
  if (!record.condition().empty()) out += " if " + record.condition();
  return out;
}

std::string AuditText(const std::vector<HostRecord>& records, bool hosts) {
  std::vector<std::vector<std::string>> rows = {{"TIME", "WHO", "ACTION", "LOGPOINTS", "OUTCOME", "WHAT"}};
  if (hosts) rows[0].insert(rows[0].begin() + 1, "NODE");
  for (const auto& [host, record] : records) {
    const std::string ids = record.all() ? "all" : fmt::format("{}", fmt::join(record.ids(), " "));
    rows.push_back({record.time(), WhoText(record), record.action(), ids, record.outcome(), WhatText(record)});
    if (hosts) rows.back().insert(rows.back().begin() + 1, host);
  }
  return RenderTable(rows);
}

int RunAudit(uint32_t last, const Context& global) {
  auto fleet = Fleet::Connect(global.client);
  if (!fleet.ok()) return Report(fleet.status());
  if (fleet->embedded()) {
    return Report(WithHint(absl::FailedPreconditionError("it is dlogd that keeps an audit log, and none is running"),
                           "start dlogd, or name its socket with --server unix://PATH"));
  }
  v1::AuditRequest request;
  request.set_last(last);
  std::vector<v1::AuditResponse> answers(fleet->size());
  const auto outcomes = fleet->ForEach([&](size_t i, Client& node) {
    return node.Call([&](grpc::ClientContext* context) { return node.stub().Audit(context, request, &answers[i]); });
  });
  const std::vector<NodeError> errors = ErrorsOf(*fleet, outcomes);
  if (errors.size() < fleet->size()) {
    const std::vector<HostRecord> records = Merge(&answers, last);
    WriteOut(global.json ? AuditJson(records, errors) : AuditText(records, !fleet->single()));
  }
  return ReportNodes(*fleet, outcomes);
}

}  // namespace

void AddAuditCommand(CLI::App* app, Context* context) {
  auto last = std::make_shared<uint32_t>(kDefaultLast);
  CLI::App* command = app->add_subcommand("audit", "show who changed which logpoint, and when");
  command->add_option("--last", *last, "so many of the newest records (default 50); 0: all at hand, 1,000 of a node");
  command->callback([last, context] { context->run = [last, context] { return RunAudit(*last, *context); }; });
}

}  // namespace dlog::cli
