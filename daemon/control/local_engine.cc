// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/local_engine.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "daemon/attach/boot_cache.h"
#include "daemon/attach/kernel_checks.h"
#include "daemon/attach/process_events.h"
#include "daemon/control/bpf_attacher.h"
#include "daemon/control/cache_directory.h"
#include "daemon/pipeline/event_builder.h"
#include "daemon/symbolizer_client/symbolizer_client.h"
#include "daemon/targets/small_file.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::daemon {
namespace {

v1::Check ToProto(const attach::KernelCheck& check) {
  v1::Check out;
  out.set_name(check.name);
  out.set_ok(check.ok);
  out.set_required(check.required);
  out.set_detail(check.detail);
  out.set_hint(check.hint);
  return out;
}

v1::Check WorkerCheck(const std::string& worker_path) {
  SymbolizerOptions options;
  options.worker_path = worker_path;
  const SymbolizerClient client(std::move(options));
  v1::Check check;
  check.set_name("symbolizer");
  check.set_required(true);
  if (access(client.worker_path().c_str(), X_OK) != 0) {
    check.set_detail(fmt::format("{}: {}", client.worker_path(), std::strerror(errno)));
    check.set_hint("install dlog-symbolizer in the directory of this program");
    return check;
  }
  const absl::StatusOr<std::string> sandbox = client.DescribeSandbox();
  check.set_ok(sandbox.ok());
  check.set_detail(
      fmt::format("{}: {}", client.worker_path(), sandbox.ok() ? *sandbox : std::string(sandbox.status().message())));
  if (!sandbox.ok()) check.set_hint(HintOf(sandbox.status()));
  return check;
}

class KernelProcessWatch : public ProcessWatch {
 public:
  explicit KernelProcessWatch(std::unique_ptr<attach::ProcessEvents> events) : events_(std::move(events)) {}
  void Only(const std::optional<std::set<int32_t>>& processes) override { events_->Only(processes); }

 private:
  const std::unique_ptr<attach::ProcessEvents> events_;
};

}  // namespace

std::string HostName() {
  std::array<char, 256> name = {};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

std::vector<v1::Check> LocalChecks(const std::string& worker_path) {
  std::vector<v1::Check> checks;
  for (const attach::KernelCheck& check : attach::RunKernelChecks()) checks.push_back(ToProto(check));
  checks.push_back(WorkerCheck(worker_path));
  return checks;
}

bool IsPrivileged() {
  auto status = ReadSmallFile("/proc/self/status", 1 << 16);
  if (!status.ok()) return false;
  auto capabilities = attach::EffectiveCapabilities(*status);
  return capabilities.ok() && attach::PrivilegeCheck(*capabilities).ok;
}

std::unique_ptr<Engine> MakeLocalEngine(const LocalEngineOptions& options) {
  EngineOptions engine;
  engine.host = options.host.empty() ? HostName() : options.host;
  engine.embedded = options.embedded;
  engine.max_logpoints = options.max_logpoints;
  engine.redaction = options.redaction;
  EngineSeams seams;
  seams.make_attacher = [attach = options.attach] { return MakeBpfAttacher(attach); };
  SymbolizerOptions symbolizer;
  symbolizer.worker_path = options.worker_path;
  symbolizer.debug_directories.insert(symbolizer.debug_directories.begin(), options.debug_directories.begin(),
                                      options.debug_directories.end());
  symbolizer.debuginfod = options.debuginfod;
  auto client = std::make_shared<const SymbolizerClient>(std::move(symbolizer));
  seams.symbolize = [client, cache = CacheDirectory(options.cache_directory),
                     visualizers = options.visualizers](v1::SymbolizerRequest request) {
    request.set_cache_directory(cache);
    if (visualizers != nullptr) visualizers->AddTo(&request);
    return client->Run(request);
  };
  auto builder = std::make_shared<pipeline::EventBuilder>();
  seams.build_event = [builder](const pipeline::LogpointContext& context, size_t site, const dlog_record& header,
                                std::span<const uint8_t> segments,
                                event::Batch* batch) { return builder->Build(context, site, header, segments, batch); };
  if (options.make_attacher) seams.make_attacher = options.make_attacher;
  if (options.build_event) seams.build_event = options.build_event;
  seams.checks = [worker = options.worker_path] { return LocalChecks(worker); };
  seams.sinks = options.sinks;
  seams.watch_processes = [](std::function<void()> on_change) -> std::shared_ptr<ProcessWatch> {
    auto events = attach::ProcessEvents::Create(std::move(on_change));
    if (events.ok()) return std::make_shared<KernelProcessWatch>(*std::move(events));
    fmt::print(stderr, "processes are looked for all the time: {}\n", std::string(events.status().message()));
    return nullptr;
  };
  return std::make_unique<Engine>(std::move(engine), std::move(seams));
}

}  // namespace dlog::daemon
