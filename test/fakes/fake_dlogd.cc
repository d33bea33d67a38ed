// SPDX-License-Identifier: Apache-2.0
//
// A dlogd whose kernel is a fake: the real control plane, so that a test can have fifty of them on one machine.
//
//   fake_dlogd SOCKET HOST:PORT NAME HITS_PER_SECOND WORKER [CA CERT KEY]
//
// Every attached logpoint is hit so many times a second. WORKER: the dlog-symbolizer, or a path that does not exist for
// a node that cannot resolve. Without files it listens without TLS. Ends with SIGTERM.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <thread>

#include "absl/time/clock.h"
#include "daemon/config/config.h"
#include "daemon/control/api_server.h"
#include "daemon/control/audit.h"
#include "daemon/control/local_engine.h"
#include "daemon/event/batch.h"
#include "test/fakes/fake_attacher.h"

namespace dlog {
namespace {

absl::Status BuildEvent(const std::string& host, const pipeline::LogpointContext& context, event::Batch* batch) {
  event::Source* source = batch->AddSource();
  source->logpoint = batch->storage().Copy(context.spec.id());
  source->level = v1::LEVEL_INFO;
  source->file = batch->storage().Copy(context.resolved.file());
  source->line = context.resolved.line();
  source->host = batch->storage().Copy(host);
  event::Event* event = batch->Add(source);
  event->time_unix_ns = absl::ToUnixNanos(absl::Now());
  event->message = "hit";
  event->comm = "fake";
  return absl::OkStatus();
}

int Run(int argc, char** argv) {
  constexpr int kWithoutTls = 6;
  constexpr int kWithTls = 9;
  if (argc != kWithoutTls && argc != kWithTls) {
    fmt::print(stderr, "usage: fake_dlogd SOCKET HOST:PORT NAME HITS_PER_SECOND WORKER [CA CERT KEY]\n");
    return 2;
  }
  sigset_t signals;
  sigemptyset(&signals);
  for (const int each : {SIGTERM, SIGINT}) sigaddset(&signals, each);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);

  const std::string name = argv[3];
  const double hits_per_second = strtod(argv[4], nullptr);
  fakes::FakeKernel kernel;
  daemon::LocalEngineOptions options;
  options.host = name;
  options.worker_path = argv[5];
  options.redaction = {daemon::RedactionOf(daemon::DefaultConfig()), true};  // as a dlogd without configuration
  options.make_attacher = [&kernel]() -> absl::StatusOr<std::unique_ptr<daemon::Attacher>> {
    return kernel.MakeAttacher();
  };
  options.build_event = [name](const pipeline::LogpointContext& context, size_t, const dlog_record&,
                               std::span<const uint8_t>,
                               event::Batch* batch) { return BuildEvent(name, context, batch); };
  const auto engine = daemon::MakeLocalEngine(options);
  daemon::NetworkListener network{argv[2], {}};
  if (argc == kWithTls) network.tls = {argv[6], argv[7], argv[8]};
  const auto audit = daemon::AuditLog::Create("");
  auto api = daemon::ApiServer::Listen(engine.get(), argv[1], network, audit->get());
  if (!api.ok()) {
    fmt::print(stderr, "fake_dlogd: {}\n", std::string(api.status().message()));
    return 1;
  }
  const timespec period = absl::ToTimespec(absl::Seconds(1 / std::max(hits_per_second, 0.01)));
  while (sigtimedwait(&signals, nullptr, &period) < 0) {
    for (size_t n = 0; n < kernel.attached_count(); ++n) kernel.Hit(n);
  }
  engine->Stop();
  return 0;
}

}  // namespace
}  // namespace dlog

int main(int argc, char** argv) { return dlog::Run(argc, argv); }
