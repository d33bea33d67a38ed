// SPDX-License-Identifier: Apache-2.0
//
// dlogctl rm: removes logpoints and shows their final account.
#include <memory>
#include <string>
#include <vector>

#include "cli/commands/explaining.h"
#include "cli/commands/showing.h"
#include "cli/context.h"
#include "cli/exit_status.h"

namespace dlog::cli {
namespace {

int RunRm(const std::vector<std::string>& ids, bool all, const Context& global) {
  if (ids.empty() == !all) {
    return ReportUsage(absl::InvalidArgumentError("rm takes ids of logpoints, or --all"), "rm");
  }
  auto fleet = Fleet::Connect(global.client);
  if (!fleet.ok()) return Report(fleet.status());
  std::vector<v1::RemoveResponse> answers(fleet->size());
  const auto remove = [&](size_t i, Client& node, const v1::RemoveRequest& request) {
    v1::RemoveResponse response;
    absl::Status status =
        node.Call([&](grpc::ClientContext* context) { return node.stub().Remove(context, request, &response); });
    answers[i].MergeFrom(response);
    return status;
  };
  v1::RemoveRequest request;
  std::vector<absl::Status> outcomes;
  if (all || fleet->single()) {  // one node removes all that were named, or none
    for (const std::string& id : ids) request.add_ids(id);
    request.set_all(all);
    outcomes = fleet->ForEach([&](size_t i, Client& node) { return remove(i, node, request); });
  } else {
    outcomes = ForEachId(*fleet, ids, [&](size_t i, Client& node, const std::string& id) {
      v1::RemoveRequest one;
      one.add_ids(id);
      return remove(i, node, one);
    });
  }
  std::vector<v1::LogpointState> states;
  for (const v1::RemoveResponse& answer : answers) {
    states.insert(states.end(), answer.removed().begin(), answer.removed().end());
  }
  return ShowLogpoints(*fleet, outcomes, "removed", std::move(states), StateLines, global.json);
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
