// SPDX-License-Identifier: Apache-2.0
//
// dlogctl rm: removes logpoints and shows their final account.
#include <memory>
#include <string>
#include <vector>

#include "cli/commands/explaining.h"
#include "cli/context.h"
#include "cli/exit_status.h"
#include "cli/render/logpoint.h"
#include "cli/render/output.h"

namespace dlog::cli {
namespace {

int RunRm(const std::vector<std::string>& ids, bool all, const Context& global) {
  if (ids.empty() == !all) {
    return ReportUsage(absl::InvalidArgumentError("rm takes ids of logpoints, or --all"), "rm");
  }
  auto client = Client::Connect(global.client);
  if (!client.ok()) return Report(client.status());
  v1::RemoveRequest request;
  v1::RemoveResponse response;
  for (const std::string& id : ids) request.add_ids(id);
  request.set_all(all);
  absl::Status status = (*client)->Call(
      [&](grpc::ClientContext* context) { return (*client)->stub().Remove(context, request, &response); });
  if (!status.ok()) return Report(status);
  const std::vector<v1::LogpointState> states(response.removed().begin(), response.removed().end());
  std::string text;
  for (const v1::LogpointState& state : states) text += Harmless(SummaryText(state)) + "\n";
  WriteOut(global.json ? LogpointsJson("removed", states) + "\n" : text);
  return kDone;
}

}  // namespace

void AddRmCommand(CLI::App* app, Context* context) {
  auto ids = std::make_shared<std::vector<std::string>>();
  auto all = std::make_shared<bool>(false);
  CLI::App* command = app->add_subcommand("rm", "remove logpoints");
  command->add_option("ID", *ids, "logpoints");
  command->add_flag("--all", *all, "every logpoint");
  command->callback(
      [ids, all, context] { context->run = [ids, all, context] { return RunRm(*ids, *all, *context); }; });
}

}  // namespace dlog::cli
