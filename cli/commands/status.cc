// SPDX-License-Identifier: Apache-2.0
//
// dlogctl status: which daemon answers, and how it is.
#include <fmt/format.h>

#include "cli/context.h"
#include "cli/exit_status.h"
#include "cli/render/output.h"
#include "daemon/format/json_writer.h"

namespace dlog::cli {
namespace {

std::string StatusJson(const v1::StatusResponse& status) {
  std::string out;
  format::JsonWriter json(&out);
  json.BeginObject().Key("version").String(status.version()).Key("host").String(status.host());
  json.Key("kernel").String(status.kernel()).Key("embedded").Bool(status.embedded());
  json.Key("logpoints").Uint(status.logpoints()).Key("ring_used_ratio").Double(status.ring_used_ratio()).EndObject();
  return out;
}

std::string StatusText(const v1::StatusResponse& status) {
  return fmt::format(
      "version    {}\nhost       {}\nkernel     {}\nengine     {}\nlogpoints  {} active\nring       {:.1f} % used\n",
      status.version(), status.host(), status.kernel(), status.embedded() ? "embedded in dlogctl" : "dlogd",
      status.logpoints(), status.ring_used_ratio() * 100);
}

int RunStatus(const Context& global) {
  auto client = Client::Connect(global.client);
  if (!client.ok()) return Report(client.status());
  v1::StatusResponse response;
  absl::Status status = (*client)->Call(
      [&](grpc::ClientContext* context) { return (*client)->stub().Status(context, v1::StatusRequest(), &response); });
  if (!status.ok()) return Report(status);
  WriteOut(global.json ? StatusJson(response) + "\n" : StatusText(response));
  return kDone;
}

}  // namespace

void AddStatusCommand(CLI::App* app, Context* context) {
  app->add_subcommand("status", "show which daemon answers, and how it is")->callback([context] {
    context->run = [context] { return RunStatus(*context); };
  });
}

}  // namespace dlog::cli
