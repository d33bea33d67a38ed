// SPDX-License-Identifier: Apache-2.0
//
// dlogctl ls: the logpoints of the daemon, or of all nodes; those that ended a short while ago included.
#include "cli/commands/showing.h"
#include "cli/context.h"
#include "cli/exit_status.h"

namespace dlog::cli {
namespace {

int RunLs(const Context& global) {
  auto fleet = Fleet::Connect(global.client);
  if (!fleet.ok()) return Report(fleet.status());
  std::vector<absl::Status> outcomes;
  std::vector<v1::LogpointState> states = ListEverywhere(*fleet, &outcomes);
  return ShowLogpoints(*fleet, outcomes, "logpoints", std::move(states), LogpointTable, global.json);
}

}  // namespace

void AddLsCommand(CLI::App* app, Context* context) {
  app->add_subcommand("ls", "list the logpoints")->callback([context] {
    context->run = [context] { return RunLs(*context); };
  });
}

}  // namespace dlog::cli
