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
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "daemon/config/config.h"
#include "daemon/control/api_server.h"
#include "daemon/control/audit.h"
#include "daemon/control/cache_directory.h"
#include "daemon/control/configured_sinks.h"
#include "daemon/control/local_engine.h"
#include "daemon/control/reload.h"
#include "daemon/control/server_credentials.h"
#include "daemon/control/service_manager.h"
#include "daemon/metrics/server.h"
#include "daemon/state/journal.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::daemon {
namespace {

constexpr int kExitUsage = 2;

struct Flags {
  std::string config;
  std::string socket, listen, metrics, state_dir, cache_dir;
  std::string tls_cert, tls_key, tls_client_ca, health, node_name;
  std::string debuginfod;
  std::string visualizers;
  std::vector<std::string> debug_directories;
  std::vector<std::string> sinks;
  bool listen_plain = false;
  bool check_config = false;
  bool config_reference = false;
};

int Fail(const absl::Status& status) {
  fmt::print(stderr, "dlogd: {}\n", std::string(status.message()));
  const std::string hint = HintOf(status);
  fmt::print(stderr, "hint: {}\n", hint.empty() ? "`dlogctl doctor` shows what this machine can do" : hint);
  return 1;
}

// A closed standard stream would be reused by the next socket, and a message would go to a client.
void OpenStandardStreams() {
  for (int fd = open("/dev/null", O_RDWR); fd >= 0 && fd <= STDERR_FILENO; fd = open("/dev/null", O_RDWR)) {
  }
}

absl::StatusOr<std::unique_ptr<metrics::MetricsServer>> ServeMetrics(const Config& config, const Engine& engine) {
  if (config.metrics.empty()) return nullptr;
  auto collector = std::make_shared<metrics::Collector>([&engine] { return engine.Metrics(); }, DLOG_VERSION);
  auto server = metrics::MetricsServer::Create(config.metrics, collector);
  if (server.ok() || config.metrics_named) return server;
  fmt::print(stderr, "dlogd: no metrics: {}\n", std::string(server.status().message()));
  return nullptr;
}

absl::Status TakeUpState(const std::string& directory, Engine* engine) {
  if (directory.empty()) return absl::OkStatus();
  SavedState state;
  std::string problem;
  auto journal = Journal::Open(directory, &state, &problem);
  if (!journal.ok()) return journal.status();
  if (!problem.empty()) fmt::print(stderr, "dlogd: {}\n", problem);
  for (const std::string& line : engine->Restore(*std::move(journal), state)) {
    fmt::print(stderr, "dlogd: {}\n", line);
  }
  return absl::OkStatus();
}

void Reload(Reloader* reloader) {
  auto lines = reloader->Reload();
  if (!lines.ok()) {
    (void)Fail(lines.status());
    fmt::print(stderr, "dlogd: the old configuration stays\n");
    return;
  }
  for (const std::string& line : *lines) fmt::print(stderr, "dlogd: {}\n", line);
}

// Meanwhile tells the watchdog that the engine is alive; one that hangs keeps this from telling.
int WaitForSignal(const sigset_t& signals, Engine& engine) {
  const absl::Duration period = WatchdogPeriod().value_or(absl::Hours(1));
  const timespec wait = absl::ToTimespec(period);
  while (true) {
    const int received = sigtimedwait(&signals, nullptr, &wait);
    if (received > 0) return received;
    engine.Touch();
    NotifyServiceManager("WATCHDOG=1");
  }
}

tls::Files ServerFiles(const Config& config) { return {config.tls_client_ca, config.tls_cert, config.tls_key}; }

// The files that the configuration names, as far as they can be looked at without serving.
absl::Status CheckNamedFiles(const Config& config) {
  if (auto files = ReadVisualizers(config.visualizers_dir); !files.ok()) return files.status();
  for (const SinkConfig& sink : config.sinks) {
    if (auto status = CheckSinkFiles(sink); !status.ok()) return status;
  }
  return config.listen.empty() ? absl::OkStatus() : CheckServerFiles(config.listen, ServerFiles(config));
}

int Serve(const ConfigSource& source, const Config& config) {
  // Before the first thread, because it sets the environment.
  const Debuginfod debuginfod = Debuginfod::Configure(config.debuginfod, CacheDirectory(config.cache_dir));
  // Before the first thread: all of them inherit the mask, and only sigtimedwait above sees these signals.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  umask(0077);

  ConfiguredSinks sinks;
  if (auto status = sinks.Apply(config.sinks); !status.ok()) return Fail(status);
  auto visualizer_files = ReadVisualizers(config.visualizers_dir);
  if (!visualizer_files.ok()) return Fail(visualizer_files.status());
  const auto visualizers = std::make_shared<UserVisualizers>();
  visualizers->Set(*std::move(visualizer_files));
  LocalEngineOptions options;
  options.visualizers = visualizers;
  options.host = config.node_name;
  options.cache_directory = config.cache_dir;
  options.debug_directories = config.debug_dirs;
  options.debuginfod = debuginfod;
  options.max_logpoints = config.max_logpoints;
  options.attach.backend = attach::BackendByName(config.attach_backend);
  options.attach.ring_bytes = config.ring_bytes;
  options.redaction = {RedactionOf(config), config.accept_plans};
  options.sinks = sinks.set();
  const auto engine = MakeLocalEngine(options);
  if (auto status = TakeUpState(config.state_dir, engine.get()); !status.ok()) return Fail(status);
  if (auto status = engine->Start(); !status.ok()) return Fail(status);
  const auto metrics = ServeMetrics(config, *engine);
  if (!metrics.ok()) return Fail(metrics.status());
  const auto audit = AuditLog::Create(config.audit_log);
  if (!audit.ok()) return Fail(audit.status());
  const NetworkListener network{config.listen, ServerFiles(config)};
  auto api = ApiServer::Listen(engine.get(), config.socket, network, audit->get());
  if (!api.ok()) return Fail(api.status());
  absl::StatusOr<std::unique_ptr<HealthServer>> health = nullptr;
  if (!config.health.empty()) health = HealthServer::Listen(config.health);
  if (!health.ok()) return Fail(health.status());
  fmt::print(stderr, "dlogd {}: ready on unix://{}{}\n", DLOG_VERSION, config.socket,
             config.listen.empty() ? "" : " and " + config.listen);

  Reloader reloader(source, config, &sinks, visualizers.get());
  NotifyServiceManager("READY=1");
  while (true) {
    const int received = WaitForSignal(signals, *engine);
    if (received == SIGTERM || received == SIGINT) break;
    NotifyServiceManager("RELOADING=1");
    Reload(&reloader);
    NotifyServiceManager("READY=1");
  }
  NotifyServiceManager("STOPPING=1");
  engine->Stop();
  return 0;
}

int Run(const Flags& flags, const Overrides& overrides) {
  if (flags.config_reference) {
    fmt::print("{}", ConfigReference());
    return 0;
  }
  const ConfigSource source{flags.config, overrides, [](const char* name) -> const char* { return getenv(name); }};
  auto config = LoadConfig(source);
  if (!config.ok()) return Fail(config.status());
  if (flags.check_config) {
    if (auto status = CheckNamedFiles(*config); !status.ok()) return Fail(status);
    fmt::print("dlogd: the configuration is good\n");
    return 0;
  }
  return Serve(source, *config);
}

}  // namespace
}  // namespace dlog::daemon

int main(int argc, char** argv) {
  dlog::daemon::OpenStandardStreams();
  dlog::daemon::Flags flags;
  CLI::App app("dlogd: adds log lines to running programs");
  app.set_version_flag("--version", std::string("dlogd ") + DLOG_VERSION);
  app.add_option("--config", flags.config, "configuration file (YAML); the flags below override it");
  app.add_flag("--check-config", flags.check_config,
               "check configuration, environment, flags and the files they name, and end");
  app.add_flag("--config-reference", flags.config_reference, "print the page of all keys of the configuration");
  const std::vector<std::pair<std::string, CLI::Option*>> options = {
      {"socket", app.add_option("--socket", flags.socket, "unix socket of the API (default /run/dlog/dlogd.sock)")},
      {"listen",
       app.add_option("--listen", flags.listen, "TCP address of the API, with TLS by the three files (default: none)")},
      {"listen-plain",
       app.add_flag("--listen-plain", flags.listen_plain,
                    "--listen is a loopback address and has no TLS: every user here may do everything")},
      {"tls.cert", app.add_option("--tls-cert", flags.tls_cert, "certificate of this dlogd (PEM)")},
      {"tls.key", app.add_option("--tls-key", flags.tls_key, "its private key (PEM)")},
      {"tls.client-ca",
       app.add_option("--tls-client-ca", flags.tls_client_ca, "authority of the certificates that clients show (PEM)")},
      {"health", app.add_option("--health", flags.health,
                                "TCP address that answers the gRPC health service alone, without TLS (default: none)")},
      {"node-name",
       app.add_option("--node-name", flags.node_name, "what events call this machine (default: its host name)")},
      {"metrics",
       app.add_option("--metrics", flags.metrics, "address of /metrics (default 127.0.0.1:9464); empty: none")},
      {"state-dir",
       app.add_option("--state-dir", flags.state_dir, "directory that logpoints outlive dlogd in; empty: none")},
      {"cache-dir", app.add_option("--cache-dir", flags.cache_dir,
                                   "directory for inflated debug information (default /var/cache/dlog)")},
      {"debug-dirs",
       app.add_option("--debug-dir", flags.debug_directories,
                      "directory with separate debug files, laid out like /usr/lib/debug; may be repeated")
           ->allow_extra_args(false)},
      {"debuginfod", app.add_option("--debuginfod", flags.debuginfod,
                                    "servers to fetch debug files from, separated by spaces (default: DEBUGINFOD_URLS; "
                                    "none: never)")},
      {"visualizers-dir",
       app.add_option("--visualizers", flags.visualizers,
                      "directory with visualizers of your own (default /etc/dlog/visualizers); empty: none")},
      {"sinks", app.add_option("--sink", flags.sinks,
                               "where events go beside live streams: stdout, file:PATH, syslog, journald, otlp:URL")
                    ->allow_extra_args(false)},
  };
  try {  // the library reports wrong usage by exceptions
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : dlog::daemon::kExitUsage;
  }
  dlog::daemon::Overrides overrides;
  for (const auto& [key, option] : options) {
    if (option->count() > 0) overrides[key] = option->results();
  }
  return dlog::daemon::Run(flags, overrides);
}
