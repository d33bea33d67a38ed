// SPDX-License-Identifier: Apache-2.0
//
// dlogctl explain: everything that `log` would do, without attaching.
#include <memory>
#include <string>

#include "cli/commands/explaining.h"

namespace dlog::cli {
namespace {

struct ExplainOptions {
  TargetOptions target;
  InstrumentOptions instrument;
  std::string location;
  std::string text;
};

int Run(const ExplainOptions& options, const Context& global) {
  v1::LogpointSpec spec;
  if (auto status = options.instrument.Fill(&spec); !status.ok()) return ReportUsage(status, "explain");
  spec.set_location(options.location);
  spec.set_template_(options.text);
  return RunExplain(options.target, std::move(spec), /*all_variables=*/false, global);
}

}  // namespace

void AddExplainCommand(CLI::App* app, Context* context) {
  auto options = std::make_shared<ExplainOptions>();
  CLI::App* command = app->add_subcommand("explain", "show what `log` would do, without attaching");
  options->target.AddTo(command, /*offline_allowed=*/true);
  options->instrument.AddTo(command);
  command->add_option("LOCATION", options->location, "FILE:LINE, function:NAME or return:NAME")->required();
  AddText(command, &options->text);
  command->callback([options, context] { context->run = [options, context] { return Run(*options, *context); }; });
}

}  // namespace dlog::cli
