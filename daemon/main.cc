// SPDX-License-Identifier: Apache-2.0
//
// dlogd: flags, wiring, signals.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "daemon/control/api_server.h"
#include "daemon/control/local_engine.h"
#include "daemon/format/event_json.h"
#include "daemon/format/event_text.h"
#include "daemon/metrics/server.h"
#include "daemon/sink/line_sink.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::daemon {
namespace {

constexpr int kExitUsage = 2;

struct Flags {
  std::string socket = "/run/dlog/dlogd.sock";
  std::string listen;
  std::string metrics = "127.0.0.1:9464";
  bool metrics_named = false;
  std::string config;
  std::string state_dir;
  std::string cache_dir;
  std::vector<std::string> sinks;
};

int Fail(const absl::Status& status) {
  fmt::print(stderr, "dlogd: {}\n", std::string(status.message()));
  const std::string hint = HintOf(status);
  fmt::print(stderr, "hint: {}\n", hint.empty() ? "`dlogctl doctor` shows what this machine can do" : hint);
  return 1;
}

absl::Status NotSupported(const std::string& flag, const std::string& hint) {
  return WithHint(absl::UnimplementedError(flag + " is not supported by this version"), hint);
}

std::string JsonLine(const v1::Event& event) {
  std::string line;
  format::AppendEventJson(event, &line);
  return line;
}

std::string TextLine(const v1::Event& event) {
  std::string line;
  format::AppendEventText(event, {}, &line);
  return line;
}

// "stdout", "stdout:json" or "stdout:text".
absl::StatusOr<std::unique_ptr<sink::Sink>> MakeSink(const std::string& spec) {
  if (spec == "stdout" || spec == "stdout:json") {
    return std::make_unique<sink::LineSink>("stdout", STDOUT_FILENO, JsonLine);
  }
  if (spec == "stdout:text") return std::make_unique<sink::LineSink>("stdout", STDOUT_FILENO, TextLine);
  return WithHint(absl::InvalidArgumentError(fmt::format("unknown sink '{}'", spec)),
                  "--sink takes stdout:json or stdout:text");
}

// A closed standard stream would be reused by the next socket, and a message would go to a client.
void OpenStandardStreams() {
  for (int fd = open("/dev/null", O_RDWR); fd >= 0 && fd <= STDERR_FILENO; fd = open("/dev/null", O_RDWR)) {
  }
}

int Run(const Flags& flags) {
  if (!flags.listen.empty()) return Fail(NotSupported("--listen", "use the unix socket: --socket PATH"));
  if (!flags.config.empty()) return Fail(NotSupported("--config", "use the flags; `dlogd --help` lists them"));

  // Before the first thread: all of them inherit the mask, and only sigwait below sees these signals.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  umask(0077);

  std::vector<std::unique_ptr<sink::Sink>> sinks;
  LocalEngineOptions options;
  options.cache_directory = flags.cache_dir;
  for (const std::string& spec : flags.sinks) {
    auto sink = MakeSink(spec);
    if (!sink.ok()) return Fail(sink.status());
    options.sinks.push_back(sink->get());
    sinks.push_back(*std::move(sink));
  }
  const auto engine = MakeLocalEngine(options);
  if (auto status = engine->Start(); !status.ok()) return Fail(status);

  std::unique_ptr<metrics::MetricsServer> metrics;
  if (!flags.metrics.empty()) {
    auto collector = std::make_shared<metrics::Collector>([&] { return engine->Metrics(); }, DLOG_VERSION);
    auto server = metrics::MetricsServer::Create(flags.metrics, collector);
    if (server.ok()) {
      metrics = *std::move(server);
    } else if (flags.metrics_named) {
      return Fail(server.status());
    } else {
      fmt::print(stderr, "dlogd: no metrics: {}\n", std::string(server.status().message()));
    }
  }
  auto api = ApiServer::ListenUnix(engine.get(), flags.socket);
  if (!api.ok()) return Fail(api.status());
  fmt::print(stderr, "dlogd {}: ready on unix://{}\n", DLOG_VERSION, flags.socket);

  int received = 0;
  do {
    sigwait(&signals, &received);
  } while (received == SIGHUP);  // a terminal that closes, or a service manager that asks for a reload of nothing
  engine->Stop();
  return 0;
}

}  // namespace
}  // namespace dlog::daemon

int main(int argc, char** argv) {
  dlog::daemon::OpenStandardStreams();
  dlog::daemon::Flags flags;
  CLI::App app("dlogd: adds log lines to running programs");
  app.set_version_flag("--version", std::string("dlogd ") + DLOG_VERSION);
  app.add_option("--socket", flags.socket, "unix socket of the API")->capture_default_str();
  app.add_option("--listen", flags.listen, "network address of the API (not supported by this version)");
  auto* metrics = app.add_option("--metrics", flags.metrics, "address of /metrics; empty: none")->capture_default_str();
  app.add_option("--sink", flags.sinks, "where events go beside live streams: stdout:json, stdout:text");
  app.add_option("--config", flags.config, "configuration file (not supported by this version)");
  app.add_option("--state-dir", flags.state_dir, "directory for state; this version keeps none");
  app.add_option("--cache-dir", flags.cache_dir, "directory for inflated debug information (default /var/cache/dlog)");
  try {  // the library reports wrong usage by exceptions
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : dlog::daemon::kExitUsage;
  }
  flags.metrics_named = metrics->count() > 0;
  return dlog::daemon::Run(flags);
}
