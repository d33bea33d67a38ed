// SPDX-License-Identifier: Apache-2.0
//
// dlogctl ls: the logpoints of the daemon, or of all nodes; those that ended a short while ago included.
#include "cli/commands/showing.h"
#include "cli/context.h"
#include "cli/exit_status.h"
#include "cli/render/logpoint.h"

namespace dlog::cli {
namespace {

int RunLs(const Context& global) {
  auto fleet = Fleet::Connect(global.client);
  if (!fleet.ok()) return Report(fleet.status());
  std::vector<v1::ListResponse> answers(fleet->size());
  const auto outcomes = fleet->ForEach([&](size_t i, Client& node) {
    return node.Call(
        [&](grpc::ClientContext* context) { return node.stub().List(context, v1::ListRequest(), &answers[i]); });
  });
  std::vector<v1::LogpointState> states;
  for (const v1::ListResponse& answer : answers) {
    states.insert(states.end(), answer.logpoints().begin(), answer.logpoints().end());
  }
  return ShowLogpoints(*fleet, outcomes, "logpoints", std::move(states), LogpointTable, global.json);
}

}  // namespace

void AddLsCommand(CLI::App* app, Context* context) {
  app->add_subcommand("ls", "list the logpoints")->callback([context] {
    context->run = [context] { return RunLs(*context); };
  });
}

}  // namespace dlog::cli
