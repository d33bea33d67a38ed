// SPDX-License-Identifier: Apache-2.0
//
// dlogctl doctor: what this machine can do, tried out, or what each node of a fleet can do. Without a daemon it tries
// by itself.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "cli/commands/showing.h"
#include "cli/context.h"
#include "cli/exit_status.h"
#include "cli/render/output.h"
#include "daemon/control/local_engine.h"
#include "daemon/format/json_writer.h"

namespace dlog::cli {
namespace {

void WriteChecks(const google::protobuf::RepeatedPtrField<v1::Check>& checks, format::JsonWriter* json) {
  json->Key("checks").BeginArray();
  for (const v1::Check& check : checks) {
    json->BeginObject().Key("name").String(check.name()).Key("ok").Bool(check.ok());
    json->Key("required").Bool(check.required()).Key("detail").String(check.detail());
    if (!check.ok() && !check.hint().empty()) json->Key("hint").String(check.hint());
    json->EndObject();
  }
  json->EndArray();
}

std::string Verdict(const v1::Check& check) { return check.ok() ? "ok" : check.required() ? "FAIL" : "lacks"; }

bool IsHealthy(const v1::StatusResponse& node) {
  return std::all_of(node.checks().begin(), node.checks().end(),
                     [](const v1::Check& check) { return check.ok() || !check.required(); });
}

int ShowOne(const v1::StatusResponse& node, bool as_json) {
  if (as_json) {
    std::string out;
    format::JsonWriter json(&out);
    json.BeginObject();
    WriteChecks(node.checks(), &json);
    json.EndObject();
    WriteOut(out + "\n");
  } else {
    std::vector<std::vector<std::string>> rows;
    for (const v1::Check& check : node.checks()) {
      rows.push_back({Verdict(check), check.name(), check.detail()});
      if (!check.ok() && !check.hint().empty()) rows.push_back({"", "", "hint: " + check.hint()});
    }
    WriteOut(RenderTable(rows));
  }
  return IsHealthy(node) ? kDone : kFailed;
}

std::string FleetJson(const std::vector<v1::StatusResponse>& nodes, const std::vector<NodeError>& errors) {
  std::string out;
  format::JsonWriter json(&out);
  json.BeginObject().Key("nodes").BeginArray();
  for (const v1::StatusResponse& node : nodes) {
    json.BeginObject().Key("host").String(node.host());
    WriteChecks(node.checks(), &json);
    json.EndObject();
  }
  json.EndArray();
  WriteNodeErrorsJson(errors, &json);
  json.EndObject();
  return out + "\n";
}

// What many nodes say of themselves in the same words is one row.
std::string FleetText(const std::vector<v1::StatusResponse>& nodes) {
  using Said = std::tuple<std::string, std::string, std::string, std::string>;  // verdict, name, detail, hint
  std::vector<std::pair<Said, std::vector<std::string>>> said;
  for (const v1::StatusResponse& node : nodes) {
    for (const v1::Check& check : node.checks()) {
      const Said one{Verdict(check), check.name(), check.detail(), check.ok() ? "" : check.hint()};
      auto known = std::find_if(said.begin(), said.end(), [&](const auto& each) { return each.first == one; });
      if (known == said.end()) known = said.insert(said.end(), {one, {}});
      known->second.push_back(node.host());
    }
  }
  std::vector<std::vector<std::string>> rows = {{"", "CHECK", "NODES", "DETAIL"}};
  for (const auto& [one, hosts] : said) {
    const auto& [verdict, name, detail, hint] = one;
    rows.push_back({verdict, name, hosts.size() == nodes.size() ? "all" : NamesText(hosts), detail});
    if (!hint.empty()) rows.push_back({"", "", "", "hint: " + hint});
  }
  return RenderTable(rows);
}

int ShowFleet(const Fleet& fleet, const std::vector<v1::StatusResponse>& answers,
              const std::vector<absl::Status>& outcomes, bool as_json) {
  std::vector<v1::StatusResponse> nodes;
  for (size_t i = 0; i < answers.size(); ++i) {
    if (outcomes[i].ok()) nodes.push_back(answers[i]);
  }
  if (!nodes.empty()) WriteOut(as_json ? FleetJson(nodes, ErrorsOf(fleet, outcomes)) : FleetText(nodes));
  const int status = ReportNodes(fleet, outcomes);
  const auto healthy = std::count_if(nodes.begin(), nodes.end(), IsHealthy);
  if (static_cast<size_t>(healthy) == nodes.size()) return status;
  return healthy > 0 ? kPartial : kFailed;
}

int RunDoctor(const Context& global) {
  if (global.client.servers.empty() && !SocketAccepts(global.client.default_socket)) {
    v1::StatusResponse here;
    for (v1::Check& check : daemon::LocalChecks("")) *here.add_checks() = std::move(check);
    return ShowOne(here, global.json);
  }
  auto fleet = Fleet::Connect(global.client);
  if (!fleet.ok()) return Report(fleet.status());
  std::vector<absl::Status> outcomes;
  const std::vector<v1::StatusResponse> answers = StatusByNode(*fleet, &outcomes);
  if (!fleet->single()) return ShowFleet(*fleet, answers, outcomes, global.json);
  return outcomes.front().ok() ? ShowOne(answers.front(), global.json) : Report(outcomes.front());
}

}  // namespace

void AddDoctorCommand(CLI::App* app, Context* context) {
  app->add_subcommand("doctor", "show what this machine, or each node, can do, and what is missing")
      ->callback([context] { context->run = [context] { return RunDoctor(*context); }; });
}

}  // namespace dlog::cli
