// SPDX-License-Identifier: Apache-2.0
//
// dlogctl doctor: what this machine can do, tried out. Without a daemon it tries by itself.
#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "cli/context.h"
#include "cli/exit_status.h"
#include "cli/render/output.h"
#include "daemon/control/local_engine.h"
#include "daemon/format/json_writer.h"

namespace dlog::cli {
namespace {

std::string DoctorJson(const std::vector<v1::Check>& checks) {
  std::string out;
  format::JsonWriter json(&out);
  json.BeginObject().Key("checks").BeginArray();
  for (const v1::Check& check : checks) {
    json.BeginObject().Key("name").String(check.name()).Key("ok").Bool(check.ok());
    json.Key("required").Bool(check.required()).Key("detail").String(check.detail());
    if (!check.ok() && !check.hint().empty()) json.Key("hint").String(check.hint());
    json.EndObject();
  }
  json.EndArray().EndObject();
  return out;
}

std::string DoctorText(const std::vector<v1::Check>& checks) {
  std::vector<std::vector<std::string>> rows;
  for (const v1::Check& check : checks) {
    rows.push_back({check.ok() ? "ok" : check.required() ? "FAIL" : "lacks", check.name(), check.detail()});
    if (!check.ok() && !check.hint().empty()) rows.push_back({"", "", "hint: " + check.hint()});
  }
  return RenderTable(rows);
}

absl::StatusOr<std::vector<v1::Check>> Checks(const Context& global) {
  if (global.client.servers.empty() && !SocketAccepts(global.client.default_socket)) return daemon::LocalChecks("");
  auto client = Client::Connect(global.client);
  if (!client.ok()) return client.status();
  v1::StatusResponse response;
  absl::Status status = (*client)->Call(
      [&](grpc::ClientContext* context) { return (*client)->stub().Status(context, v1::StatusRequest(), &response); });
  if (!status.ok()) return status;
  return std::vector<v1::Check>(response.checks().begin(), response.checks().end());
}

int RunDoctor(const Context& global) {
  auto checks = Checks(global);
  if (!checks.ok()) return Report(checks.status());
  WriteOut(global.json ? DoctorJson(*checks) + "\n" : DoctorText(*checks));
  const bool healthy = std::all_of(checks->begin(), checks->end(),
                                   [](const v1::Check& check) { return check.ok() || !check.required(); });
  return healthy ? kDone : kFailed;
}

}  // namespace

void AddDoctorCommand(CLI::App* app, Context* context) {
  app->add_subcommand("doctor", "show what this machine can do, and what is missing")->callback([context] {
    context->run = [context] { return RunDoctor(*context); };
  });
}

}  // namespace dlog::cli
