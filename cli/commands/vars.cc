// SPDX-License-Identifier: Apache-2.0
//
// dlogctl vars: what can be captured at a location.
#include <memory>
#include <string>

#include "cli/commands/explaining.h"

namespace dlog::cli {

void AddVarsCommand(CLI::App* app, Context* context) {
  auto target = std::make_shared<TargetOptions>();
  auto location = std::make_shared<std::string>();
  auto recover = std::make_shared<bool>(false);
  CLI::App* command = app->add_subcommand("vars", "show what can be captured at a location");
  target->AddTo(command, /*offline_allowed=*/true);
  command->add_flag("--recover", *recover, "with what `log --recover` would know");
  command->add_option("LOCATION", *location, "FILE:LINE, function:NAME or return:NAME")->required();
  command->callback([target, location, recover, context] {
    context->run = [target, location, recover, context] {
      v1::LogpointSpec spec;
      spec.set_location(*location);
      spec.set_recover(*recover);
      return RunExplain(*target, std::move(spec), /*all_variables=*/true, *context);
    };
  });
}

}  // namespace dlog::cli
