// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "cli/client/client.h"

namespace dlog::cli {

// What all commands share. A command's callback sets `run`; main runs it after the whole line was parsed.
struct Context {
  ClientOptions client;
  bool json = false;
  std::function<int()> run;
};

// One per file of cli/commands/: adds the subcommand, its options and its callback.
void AddLogCommand(CLI::App* app, Context* context);
void AddTailCommand(CLI::App* app, Context* context);
void AddExplainCommand(CLI::App* app, Context* context);
void AddVarsCommand(CLI::App* app, Context* context);
void AddLinesCommand(CLI::App* app, Context* context);
void AddResolveCommand(CLI::App* app, Context* context);
void AddLsCommand(CLI::App* app, Context* context);
void AddDescribeCommand(CLI::App* app, Context* context);
void AddPauseCommands(CLI::App* app, Context* context);
void AddApplyCommand(CLI::App* app, Context* context);
void AddExportCommand(CLI::App* app, Context* context);
void AddAuditCommand(CLI::App* app, Context* context);
void AddCompletionCommand(CLI::App* app, Context* context);
void AddPsCommand(CLI::App* app, Context* context);
void AddTopCommand(CLI::App* app, Context* context);
void AddRmCommand(CLI::App* app, Context* context);
void AddStatusCommand(CLI::App* app, Context* context);
void AddDoctorCommand(CLI::App* app, Context* context);

// The whole of dlogctl.
int Main(int argc, const char* const* argv);

}  // namespace dlog::cli
