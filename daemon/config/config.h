// SPDX-License-Identifier: Apache-2.0
//
// What dlogd was told: defaults, overridden by the configuration file, by the environment (DLOGD_KEY), by flags. Every
// key is one line of the table in keys.cc, which is also where the reference page comes from.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/config/yaml.h"
#include "symbolizer/base/redaction_rules.h"

namespace dlog::daemon {

// One place where events go. Units are in the names; 0 means what the reference page says.
struct SinkConfig {
  std::string kind;
  std::string name;  // `sink` label of the metrics; the kind when not given
  std::string format;
  std::string path;
  std::string address;
  std::string ca, cert, key;
  uint64_t queue_events = 0;
  uint64_t queue_bytes = 0;
  uint64_t rotate_bytes = 0;
  uint64_t rotate_age_ms = 0;
  uint64_t keep = 0;
  std::string fsync;
  std::string facility;
  std::string compression;
  uint64_t batch_events = 0;
  uint64_t timeout_ms = 0;
  std::vector<std::string> headers;

  friend bool operator==(const SinkConfig&, const SinkConfig&) = default;
};

struct Config {
  std::string socket;
  std::string node_name;
  std::string listen;
  bool listen_plain = false;
  std::string tls_cert, tls_key, tls_client_ca;
  std::string health;
  std::string metrics;
  bool metrics_named = false;  // somebody asked for this address: failing to bind it is an error
  std::string state_dir;
  std::string cache_dir;
  std::vector<std::string> debug_dirs;
  std::string debuginfod;
  std::string visualizers_dir;
  uint64_t max_logpoints = 0;
  std::string attach_backend;
  uint64_t ring_bytes = 0;
  std::string audit_log;
  bool redact = false;
  bool accept_plans = false;  // with redaction: plans that users hand in
  std::vector<std::string> redact_names;
  std::vector<std::string> redact_types;
  std::vector<std::string> redact_exclude;
  std::vector<SinkConfig> sinks;
};

// What must not be captured; no rules when redaction is off.
RedactionConfig RedactionOf(const Config& config);

// Values that override the file, by key: "metrics" -> {"127.0.0.1:9464"}. "sinks" holds texts of --sink.
using Overrides = std::map<std::string, std::vector<std::string>>;

struct ConfigSource {
  std::string file;  // empty: no file
  Overrides flags;
  // Looks a variable up; null when it is not set. std::getenv outside tests.
  const char* (*environment)(const char* name) = nullptr;
};

// InvalidArgument "FILE:LINE: why", "--FLAG: why" or "DLOGD_NAME: why"; NotFound and the like for a file that cannot be
// read.
absl::StatusOr<Config> LoadConfig(const ConfigSource& source);

// The configuration without any file, flag or variable.
Config DefaultConfig();

// "KIND[:ADDRESS][,KEY=VALUE]...": "stdout:text", "file:/var/log/dlog.json,rotate-size=10MiB", "journald",
// "otlp:grpc://127.0.0.1:4317".
absl::StatusOr<SinkConfig> ParseSinkText(const std::string& text);

// Keys whose new value is not taken over by a running daemon.
std::vector<std::string> KeysThatNeedRestart(const Config& before, const Config& after);

// The reference page, in Markdown.
std::string ConfigReference();

}  // namespace dlog::daemon
