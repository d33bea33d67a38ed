// SPDX-License-Identifier: Apache-2.0
//
// dlogctl pause, dlogctl resume: takes the probes of logpoints away, and attaches them again.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands/showing.h"
#include "cli/context.h"
#include "cli/exit_status.h"

namespace dlog::cli {
namespace {

template <typename Request, typename Response, typename Method>
int Run(const std::vector<std::string>& ids, const Context& global, Method method) {
  auto fleet = Fleet::Connect(global.client);
  if (!fleet.ok()) return Report(fleet.status());
  std::vector<Response> answers(fleet->size());
  const auto call = [&](size_t i, Client& node, const Request& request) {
    Response response;
    absl::Status status =
        node.Call([&](grpc::ClientContext* context) { return (node.stub().*method)(context, request, &response); });
    answers[i].MergeFrom(response);
    return status;
  };
  Request request;
  for (const std::string& id : ids) request.add_ids(id);
  const auto outcomes = fleet->single()  // all that were named, or none
                            ? fleet->ForEach([&](size_t i, Client& node) { return call(i, node, request); })
                            : ForEachId(*fleet, ids, [&](size_t i, Client& node, const std::string& id) {
                                Request one;
                                one.add_ids(id);
                                return call(i, node, one);
                              });
  std::vector<v1::LogpointState> states;
  for (const Response& answer : answers) {
    states.insert(states.end(), answer.logpoints().begin(), answer.logpoints().end());
  }
  const bool all_attached =
      std::all_of(states.begin(), states.end(), [](const auto& state) { return state.state() != "pending"; });
  const int status = ShowLogpoints(*fleet, outcomes, "logpoints", std::move(states), StateLines, global.json);
  return status == kDone && !all_attached ? kPartial : status;
}

template <typename Action>
void AddCommand(CLI::App* app, Context* context, const char* name, const char* help, Action action) {
  auto ids = std::make_shared<std::vector<std::string>>();
  CLI::App* command = app->add_subcommand(name, help);
  command->add_option("ID", *ids, "logpoints")->required();
  command->callback(
      [ids, context, action] { context->run = [ids, context, action] { return action(*ids, *context); }; });
}

}  // namespace

void AddPauseCommands(CLI::App* app, Context* context) {
  AddCommand(app, context, "pause", "take the probes of logpoints away until resume",
             [](const std::vector<std::string>& ids, const Context& global) {
               return Run<v1::PauseRequest, v1::PauseResponse>(ids, global, &v1::DynamicLogging::Stub::Pause);
             });
  AddCommand(app, context, "resume", "attach paused logpoints again",
             [](const std::vector<std::string>& ids, const Context& global) {
               return Run<v1::ResumeRequest, v1::ResumeResponse>(ids, global, &v1::DynamicLogging::Stub::Resume);
             });
}

}  // namespace dlog::cli
