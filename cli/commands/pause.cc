// SPDX-License-Identifier: Apache-2.0
//
// dlogctl pause, dlogctl resume: takes the probes of logpoints away, and attaches them again.
#include <memory>
#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/exit_status.h"
#include "cli/render/logpoint.h"
#include "cli/render/output.h"

namespace dlog::cli {
namespace {

template <typename Request, typename Response, typename Method>
int Run(const std::vector<std::string>& ids, const Context& global, Method method) {
  auto client = Client::Connect(global.client);
  if (!client.ok()) return Report(client.status());
  Request request;
  Response response;
  for (const std::string& id : ids) request.add_ids(id);
  const absl::Status status = (*client)->Call(
      [&](grpc::ClientContext* context) { return ((*client)->stub().*method)(context, request, &response); });
  if (!status.ok()) return Report(status);
  const std::vector<v1::LogpointState> states(response.logpoints().begin(), response.logpoints().end());
  std::string text;
  bool all_attached = true;
  for (const v1::LogpointState& state : states) {
    text += Harmless(SummaryText(state)) + "\n";
    all_attached = all_attached && state.state() != "pending";
  }
  WriteOut(global.json ? LogpointsJson("logpoints", states) + "\n" : text);
  return all_attached ? kDone : kPartial;
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
