// SPDX-License-Identifier: Apache-2.0
//
// dlogctl describe: everything about one logpoint, its account and its sites.
#include <memory>
#include <string>

#include "cli/context.h"
#include "cli/exit_status.h"
#include "cli/render/logpoint.h"
#include "cli/render/output.h"

namespace dlog::cli {
namespace {

int RunDescribe(const std::string& id, const Context& global) {
  auto client = Client::Connect(global.client);
  if (!client.ok()) return Report(client.status());
  v1::DescribeRequest request;
  v1::DescribeResponse response;
  request.set_id(id);
  absl::Status status = (*client)->Call(
      [&](grpc::ClientContext* context) { return (*client)->stub().Describe(context, request, &response); });
  if (!status.ok()) return Report(status);
  WriteOut(global.json ? DescribeJson(response) + "\n" : DescribeText(response));
  return kDone;
}

}  // namespace

void AddDescribeCommand(CLI::App* app, Context* context) {
  auto id = std::make_shared<std::string>();
  CLI::App* command = app->add_subcommand("describe", "show everything about one logpoint");
  command->add_option("ID", *id, "logpoint")->required();
  command->callback([id, context] { context->run = [id, context] { return RunDescribe(*id, *context); }; });
}

}  // namespace dlog::cli
