// SPDX-License-Identifier: Apache-2.0
//
// dlogctl ls: the logpoints of the daemon, those that ended a short while ago included.
#include "cli/context.h"
#include "cli/exit_status.h"
#include "cli/render/logpoint.h"
#include "cli/render/output.h"

namespace dlog::cli {
namespace {

int RunLs(const Context& global) {
  auto client = Client::Connect(global.client);
  if (!client.ok()) return Report(client.status());
  v1::ListResponse response;
  absl::Status status = (*client)->Call(
      [&](grpc::ClientContext* context) { return (*client)->stub().List(context, v1::ListRequest(), &response); });
  if (!status.ok()) return Report(status);
  const std::vector<v1::LogpointState> states(response.logpoints().begin(), response.logpoints().end());
  WriteOut(global.json ? LogpointsJson("logpoints", states) + "\n" : LogpointTable(states));
  return kDone;
}

}  // namespace

void AddLsCommand(CLI::App* app, Context* context) {
  app->add_subcommand("ls", "list the logpoints")->callback([context] {
    context->run = [context] { return RunLs(*context); };
  });
}

}  // namespace dlog::cli
