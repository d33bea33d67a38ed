// SPDX-License-Identifier: Apache-2.0
//
// dlogctl status: which daemon answers, and how it is.
#include <fmt/format.h>

#include "cli/commands/showing.h"
#include "cli/context.h"
#include "cli/exit_status.h"
#include "cli/render/output.h"
#include "daemon/format/json_writer.h"

namespace dlog::cli {
namespace {

void WriteStatus(const v1::StatusResponse& status, format::JsonWriter* json) {
  json->BeginObject().Key("version").String(status.version()).Key("host").String(status.host());
  json->Key("kernel").String(status.kernel()).Key("embedded").Bool(status.embedded());
  json->Key("logpoints").Uint(status.logpoints()).Key("ring_used_ratio").Double(status.ring_used_ratio()).EndObject();
}

// Of one node its object; of several {"nodes": [...]}, with "failed" where some have not answered.
std::string StatusJson(const std::vector<v1::StatusResponse>& nodes, bool single,
                       const std::vector<NodeError>& errors) {
  std::string out;
  format::JsonWriter json(&out);
  if (single) {
    WriteStatus(nodes.front(), &json);
    return out + "\n";
  }
  json.BeginObject().Key("nodes").BeginArray();
  for (const v1::StatusResponse& node : nodes) WriteStatus(node, &json);
  json.EndArray();
  WriteNodeErrorsJson(errors, &json);
  json.EndObject();
  return out + "\n";
}

std::string StatusText(const v1::StatusResponse& status) {
  return fmt::format(
      "version    {}\nhost       {}\nkernel     {}\nengine     {}\nlogpoints  {} active\nring       {:.1f} % used\n",
      status.version(), status.host(), status.kernel(), status.embedded() ? "embedded in dlogctl" : "dlogd",
      status.logpoints(), status.ring_used_ratio() * 100);
}

std::string StatusTable(const std::vector<v1::StatusResponse>& nodes) {
  std::vector<std::vector<std::string>> rows = {{"NODE", "VERSION", "KERNEL", "LOGPOINTS", "RING"}};
  for (const v1::StatusResponse& node : nodes) {
    rows.push_back({node.host(), node.version(), node.kernel(), std::to_string(node.logpoints()),
                    fmt::format("{:.1f} %", node.ring_used_ratio() * 100)});
  }
  return RenderTable(rows);
}

int RunStatus(const Context& global) {
  auto fleet = Fleet::Connect(global.client);
  if (!fleet.ok()) return Report(fleet.status());
  std::vector<absl::Status> outcomes;
  std::vector<v1::StatusResponse> answers = StatusByNode(*fleet, &outcomes);
  std::vector<v1::StatusResponse> nodes;
  for (size_t i = 0; i < answers.size(); ++i) {
    if (outcomes[i].ok()) nodes.push_back(std::move(answers[i]));
  }
  if (!nodes.empty()) {
    WriteOut(global.json       ? StatusJson(nodes, fleet->single(), ErrorsOf(*fleet, outcomes))
             : fleet->single() ? StatusText(nodes.front())
                               : StatusTable(nodes));
  }
  return ReportNodes(*fleet, outcomes);
}

}  // namespace

void AddStatusCommand(CLI::App* app, Context* context) {
  app->add_subcommand("status", "show which daemons answer, and how they are")->callback([context] {
    context->run = [context] { return RunStatus(*context); };
  });
}

}  // namespace dlog::cli
