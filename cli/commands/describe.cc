// SPDX-License-Identifier: Apache-2.0
//
// dlogctl describe: everything about one logpoint, its account and its sites, from each node that has it.
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "cli/client/fleet.h"
#include "cli/context.h"
#include "cli/exit_status.h"
#include "cli/render/logpoint.h"
#include "cli/render/output.h"

namespace dlog::cli {
namespace {

int RunDescribe(const std::string& id, const Context& global) {
  auto fleet = Fleet::Connect(global.client);
  if (!fleet.ok()) return Report(fleet.status());
  std::vector<v1::DescribeResponse> answers(fleet->size());
  const auto outcomes = ForEachId(*fleet, {id}, [&](size_t i, Client& node, const std::string& each) {
    v1::DescribeRequest request;
    request.set_id(each);
    return node.Call([&](grpc::ClientContext* context) { return node.stub().Describe(context, request, &answers[i]); });
  });
  std::string text;
  for (const v1::DescribeResponse& answer : answers) {
    if (!answer.has_logpoint()) continue;  // not every node has every logpoint
    if (global.json) {
      text += DescribeJson(answer) + "\n";
    } else {
      text += fmt::format("{}{}", text.empty() ? "" : "\n", DescribeText(answer, !fleet->single()));
    }
  }
  WriteOut(text);
  return ReportNodes(*fleet, outcomes);
}

}  // namespace

void AddDescribeCommand(CLI::App* app, Context* context) {
  auto id = std::make_shared<std::string>();
  CLI::App* command = app->add_subcommand("describe", "show everything about one logpoint");
  command->add_option("ID", *id, "logpoint")->required();
  command->callback([id, context] { context->run = [id, context] { return RunDescribe(*id, *context); }; });
}

}  // namespace dlog::cli
