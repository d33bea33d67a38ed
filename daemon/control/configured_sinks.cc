// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/configured_sinks.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "daemon/format/event_json.h"
#include "daemon/format/event_text.h"
#include "daemon/sink/file_transport.h"
#include "daemon/sink/journald_transport.h"
#include "daemon/sink/line_transport.h"
#include "daemon/sink/otlp_transport.h"
#include "daemon/sink/queued_sink.h"
#include "daemon/sink/syslog_transport.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::daemon {
namespace {

void TextLine(const event::Event& event, event::Text* out) { format::AppendEventText(event, {}, out); }

absl::StatusOr<std::unique_ptr<sink::Transport>> MakeFile(const SinkConfig& config, sink::LineFormat format) {
  sink::FileOptions options;
  options.path = config.path;
  options.rotate_bytes = config.rotate_bytes;
  options.rotate_age = absl::Milliseconds(config.rotate_age_ms);
  options.keep = config.keep;
  options.fsync = config.fsync == "always"  ? sink::Fsync::kAlways
                  : config.fsync == "never" ? sink::Fsync::kNever
                                            : sink::Fsync::kInterval;
  return sink::FileTransport::Create(std::move(options), std::move(format));
}

tls::Files TlsFiles(const SinkConfig& config) { return {config.ca, config.cert, config.key}; }

std::unique_ptr<sink::Transport> MakeSyslog(const SinkConfig& config) {
  sink::SyslogOptions options;
  options.facility = sink::SyslogFacility(config.facility);
  const size_t colon = config.address.find(':');
  const std::string scheme = config.address.substr(0, colon);
  (scheme == "unix" ? options.unix_path : options.tcp) = config.address.substr(colon + 1);
  if (scheme == "tls") options.tls = TlsFiles(config);
  return std::make_unique<sink::SyslogTransport>(std::move(options));
}

std::unique_ptr<sink::Transport> MakeOtlp(const SinkConfig& config) {
  sink::OtlpOptions options;
  options.endpoint = config.address;
  options.tls = TlsFiles(config);
  options.gzip = config.compression == "gzip";
  options.timeout = absl::Milliseconds(config.timeout_ms);
  options.headers = config.headers;
  return std::make_unique<sink::OtlpTransport>(options);
}

absl::StatusOr<std::unique_ptr<sink::Transport>> MakeTransport(const SinkConfig& config) {
  const sink::LineFormat format = config.format == "text" ? TextLine : format::AppendEventJson;
  if (config.kind == "file") return MakeFile(config, format);
  if (config.kind == "syslog") return MakeSyslog(config);
  if (config.kind == "journald") {
    return std::make_unique<sink::JournaldTransport>(config.address.substr(std::string("unix:").size()));
  }
  if (config.kind == "otlp") return MakeOtlp(config);
  if (config.kind == "stdout") return std::make_unique<sink::LineTransport>(STDOUT_FILENO, format);
  return absl::UnimplementedError(fmt::format("sinks of kind {} are not supported by this version", config.kind));
}

}  // namespace

absl::Status CheckSinkFiles(const SinkConfig& config) {
  return WithContext(tls::CheckFiles(TlsFiles(config)), fmt::format("sink {}", config.name));
}

absl::StatusOr<std::shared_ptr<sink::Sink>> MakeSink(const SinkConfig& config) {
  if (auto status = CheckSinkFiles(config); !status.ok()) return status;
  auto transport = MakeTransport(config);
  if (!transport.ok()) return WithContext(transport.status(), fmt::format("sink {}", config.name));
  sink::QueueOptions options;
  options.events = config.queue_events;
  options.bytes = config.queue_bytes;
  if (config.kind == "otlp") options.batch = config.batch_events;
  return std::make_shared<sink::QueuedSink>(config.name, *std::move(transport), options);
}

absl::Status ConfiguredSinks::Apply(const std::vector<SinkConfig>& configs) {
  std::vector<std::pair<SinkConfig, std::shared_ptr<sink::Sink>>> made;
  sink::SinkSet::Sinks sinks;
  for (const SinkConfig& config : configs) {
    const auto same =
        std::find_if(made_.begin(), made_.end(), [&config](const auto& each) { return each.first == config; });
    if (same != made_.end()) {
      made.push_back(*same);
    } else {
      auto sink = MakeSink(config);
      if (!sink.ok()) return sink.status();
      made.emplace_back(config, *std::move(sink));
    }
    sinks.push_back(made.back().second);
  }
  made_ = std::move(made);
  set_->Replace(std::move(sinks));
  return absl::OkStatus();
}

}  // namespace dlog::daemon
