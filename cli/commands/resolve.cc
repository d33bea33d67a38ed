// SPDX-License-Identifier: Apache-2.0
//
// dlogctl resolve: makes a plan where the symbols are, to be attached where they are not.
#include <google/protobuf/util/json_util.h>

#include <memory>
#include <string>

#include "cli/client/offline.h"
#include "cli/commands/explaining.h"
#include "cli/exit_status.h"
#include "cli/render/output.h"

namespace dlog::cli {
namespace {

struct ResolveOptions {
  TargetOptions target;
  InstrumentOptions instrument;
  std::string location;
  std::string text;
};

int Run(const ResolveOptions& options, const Context& global) {
  v1::LogpointSpec spec;
  if (auto status = options.target.Fill(spec.mutable_target()); !status.ok()) return ReportUsage(status, "resolve");
  if (!options.target.offline()) {
    return ReportUsage(absl::InvalidArgumentError("resolve reads a file: name it with --binary FILE"), "resolve");
  }
  if (auto status = options.instrument.Fill(&spec); !status.ok()) return ReportUsage(status, "resolve");
  spec.set_location(options.location);
  spec.set_template_(options.text);
  auto plan = ResolveOffline(std::move(spec), global.client.visualizers);
  if (!plan.ok()) return Report(plan.status());
  for (const std::string& warning : plan->warnings()) Note("warning: " + warning);
  std::string out = plan->SerializeAsString();
  if (global.json) {
    out.clear();
    (void)google::protobuf::util::MessageToJsonString(*plan, &out);
    out += '\n';
  }
  if (!WriteOut(out)) return Report(absl::DataLossError("cannot write the plan to standard output"));
  return plan->refused().empty() ? kDone : kPartial;
}

}  // namespace

void AddResolveCommand(CLI::App* app, Context* context) {
  auto options = std::make_shared<ResolveOptions>();
  CLI::App* command = app->add_subcommand("resolve", "write a plan for `log --plan` to standard output");
  options->target.AddTo(command, /*offline_allowed=*/true);
  options->instrument.AddTo(command);
  command->add_option("LOCATION", options->location, "FILE:LINE, function:NAME or return:NAME")->required();
  AddText(command, &options->text)->required();
  command->callback([options, context] { context->run = [options, context] { return Run(*options, *context); }; });
}

}  // namespace dlog::cli
