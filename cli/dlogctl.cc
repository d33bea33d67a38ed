// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <stdlib.h>

#include <cstdio>
#include <string>

#include "absl/strings/str_split.h"
#include "cli/context.h"
#include "cli/exit_status.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::cli {

namespace {

void AddServerOptions(CLI::App* app, ClientOptions* client) {
  app->add_option(
         "--server", client->servers,
         "unix:///PATH, HOST:PORT or k8s://NAMESPACE/SERVICE of dlogd; several, separated by commas, or a name "
         "with several addresses: all of these nodes")
      ->delimiter(',')
      ->allow_extra_args(false);
  app->add_option("--ca", client->credentials.tls.ca, "authority of the daemons' certificates (PEM), for HOST:PORT");
  app->add_option("--cert", client->credentials.tls.cert, "certificate of this client (PEM)");
  app->add_option("--key", client->credentials.tls.key, "its private key (PEM)");
  app->add_option("--tls-name", client->credentials.tls_name,
                  "name that the daemons' certificates are for, when it is not the one in --server");
  app->add_flag("--plain", client->credentials.plain, "no TLS; for loopback addresses only");
}

// What was not said on the command line.
void TakeEnvironment(ClientOptions* client) {
  const auto take = [](const char* name, std::string* value) {
    const char* set = getenv(name);
    if (set != nullptr && value->empty()) *value = set;
  };
  std::string servers;
  if (client->servers.empty()) take("DLOGCTL_SERVER", &servers);
  if (!servers.empty()) client->servers = absl::StrSplit(servers, ',');
  take("DLOGCTL_CA", &client->credentials.tls.ca);
  take("DLOGCTL_CERT", &client->credentials.tls.cert);
  take("DLOGCTL_KEY", &client->credentials.tls.key);
}

// What CLI11 says of a command that does not exist is that one is required; the user wants to see the word.
int ReportParseError(const CLI::App& app, const CLI::ParseError& error, int argc, const char* const* argv) {
  std::string what = error.what();
  std::string help = "dlogctl --help";
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.empty() || word.front() == '-') {
      // Each global option but one takes a value.
      if (word.find('=') == std::string::npos && word != "--plain") ++i;
      continue;
    }
    const auto commands = app.get_subcommands([&word](const CLI::App* each) { return each->get_name() == word; });
    if (commands.empty()) {
      what = "unknown command '" + word + "'";
    } else {
      help = "dlogctl " + word + " --help";
    }
    break;
  }
  return Report(
      WithExitStatus(WithHint(absl::InvalidArgumentError(what), "`" + help + "` shows what it takes"), kWrongUsage));
}

}  // namespace

int Main(int argc, const char* const* argv) {
  signal(SIGPIPE, SIG_IGN);  // a reader that has gone is seen by the write that fails
  Context context;
  std::string output = "text";
  CLI::App app("dlogctl: log lines for running programs");
  app.set_version_flag("--version", std::string("dlogctl ") + DLOG_VERSION);
  app.require_subcommand(1);
  AddLogCommand(&app, &context);
  AddTailCommand(&app, &context);
  AddExplainCommand(&app, &context);
  AddVarsCommand(&app, &context);
  AddLinesCommand(&app, &context);
  AddResolveCommand(&app, &context);
  AddLsCommand(&app, &context);
  AddDescribeCommand(&app, &context);
  AddRmCommand(&app, &context);
  AddPauseCommands(&app, &context);
  AddApplyCommand(&app, &context);
  AddExportCommand(&app, &context);
  AddPsCommand(&app, &context);
  AddTopCommand(&app, &context);
  AddStatusCommand(&app, &context);
  AddDoctorCommand(&app, &context);
  AddAuditCommand(&app, &context);
  AddCompletionCommand(&app, &context);
  // On each command as well, so that they may stand anywhere. (CLI11's fallthrough would do it too, but would also take
  // a text that is the name of a command for that command.)
  std::vector<CLI::App*> apps = app.get_subcommands({});
  apps.push_back(&app);
  for (CLI::App* each : apps) {
    AddServerOptions(each, &context.client);
    each->add_option("--visualizers", context.client.visualizers,
                     "directory with visualizers of your own, where no dlogd is asked (default /etc/dlog/visualizers)");
    each->add_option("-o,--output", output, "text or json")->check(CLI::IsMember({"text", "json"}));
  }
  try {  // the library reports wrong usage by exceptions
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {  // --help, --version
      app.exit(error);
      return kDone;
    }
    return ReportParseError(app, error, argc, argv);
  }
  TakeEnvironment(&context.client);
  context.json = output == "json";
  return context.run();
}

}  // namespace dlog::cli
