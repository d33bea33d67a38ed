// SPDX-License-Identifier: Apache-2.0
//
// dlogctl lines: which lines of a file can carry a logpoint.
#include <memory>
#include <string>

#include "cli/client/offline.h"
#include "cli/commands/explaining.h"
#include "cli/exit_status.h"
#include "cli/render/explain.h"
#include "cli/render/output.h"

namespace dlog::cli {
namespace {

absl::StatusOr<v1::FileLines> AskDaemon(const v1::Target& target, const std::string& file, const Context& global) {
  auto client = Client::Connect(global.client);
  if (!client.ok()) return client.status();
  v1::LinesRequest request;
  v1::LinesResponse response;
  *request.mutable_target() = target;
  request.set_file(file);
  absl::Status status = (*client)->Call(
      [&](grpc::ClientContext* context) { return (*client)->stub().Lines(context, request, &response); });
  if (!status.ok()) return status;
  return std::move(*response.mutable_lines());
}

int Run(const TargetOptions& options, const std::string& file, const Context& global) {
  v1::Target target;
  if (auto status = options.Fill(&target); !status.ok()) return ReportUsage(status, "lines");
  auto lines = options.offline() ? LinesOffline(target, file) : AskDaemon(target, file, global);
  if (!lines.ok()) return Report(lines.status());
  WriteOut(global.json ? LinesJson(*lines) + "\n" : LinesText(*lines));
  return kDone;
}

}  // namespace

void AddLinesCommand(CLI::App* app, Context* context) {
  auto target = std::make_shared<TargetOptions>();
  auto file = std::make_shared<std::string>();
  CLI::App* command = app->add_subcommand("lines", "show which lines of a file can carry a logpoint");
  target->AddTo(command, /*offline_allowed=*/true);
  command->add_option("FILE", *file, "source file, or the end of its path")->required();
  command->callback(
      [target, file, context] { context->run = [target, file, context] { return Run(*target, *file, *context); }; });
}

}  // namespace dlog::cli
