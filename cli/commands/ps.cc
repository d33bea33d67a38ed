// SPDX-License-Identifier: Apache-2.0
//
// dlogctl ps: what is instrumented now, target by target: processes, programs and selectors with live logpoints.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands/showing.h"
#include "cli/context.h"
#include "cli/exit_status.h"
#include "cli/render/output.h"

namespace dlog::cli {
namespace {

// One target on one node.
struct Instrumented {
  std::vector<std::string> ids;
  size_t active = 0;  // of them, with probes
  uint64_t sites = 0;
  uint64_t events = 0;
  double overhead = 0;  // part of one core
};
// By host and target.
using Targets = std::map<std::pair<std::string, std::string>, Instrumented>;

Targets TargetsOf(const std::vector<v1::LogpointState>& states) {
  Targets out;
  for (const v1::LogpointState& state : states) {
    if (!IsLive(state)) continue;
    const bool active = state.state() == "active" || state.state() == "throttled";
    Instrumented& target = out[{state.host(), TargetText(state.spec().target())}];
    target.ids.push_back(state.spec().id());
    target.events += state.counters().emitted();
    if (!active) continue;
    ++target.active;
    target.sites += state.sites();
    target.overhead += state.overhead_ratio();
  }
  for (auto& [key, target] : out) std::sort(target.ids.begin(), target.ids.end());
  return out;
}

std::string PsJson(const Targets& targets, const std::vector<NodeError>& errors) {
  std::string out;
  format::JsonWriter json(&out);
  json.BeginObject().Key("targets").BeginArray();
  for (const auto& [key, target] : targets) {
    json.BeginObject().Key("host").String(key.first).Key("target").String(key.second).Key("logpoints").BeginArray();
    for (const std::string& id : target.ids) json.String(id);
    json.EndArray().Key("active").Uint(target.active).Key("sites").Uint(target.sites);
    json.Key("events").Uint(target.events).Key("overhead_ratio").Double(target.overhead).EndObject();
  }
  json.EndArray();
  WriteNodeErrorsJson(errors, &json);
  json.EndObject();
  return out + "\n";
}

std::string PsText(const Targets& targets, bool hosts) {
  std::vector<std::vector<std::string>> rows = {{"TARGET", "LOGPOINTS", "ACTIVE", "SITES", "EVENTS", "OVERHEAD"}};
  if (hosts) rows[0].insert(rows[0].begin(), "NODE");
  for (const auto& [key, target] : targets) {
    rows.push_back({key.second, std::to_string(target.ids.size()), std::to_string(target.active),
                    std::to_string(target.sites), std::to_string(target.events),
                    fmt::format("{:.2f} %", target.overhead * 100)});
    if (hosts) rows.back().insert(rows.back().begin(), key.first);
  }
  return RenderTable(rows);
}

int RunPs(const Context& global) {
  auto fleet = Fleet::Connect(global.client);
  if (!fleet.ok()) return Report(fleet.status());
  std::vector<absl::Status> outcomes;
  const Targets targets = TargetsOf(ListEverywhere(*fleet, &outcomes));
  const std::vector<NodeError> errors = ErrorsOf(*fleet, outcomes);
  if (errors.size() < fleet->size())
    WriteOut(global.json ? PsJson(targets, errors) : PsText(targets, !fleet->single()));
  return ReportNodes(*fleet, outcomes);
}

}  // namespace

void AddPsCommand(CLI::App* app, Context* context) {
  app->add_subcommand("ps", "list the targets that have logpoints")->callback([context] {
    context->run = [context] { return RunPs(*context); };
  });
}

}  // namespace dlog::cli
