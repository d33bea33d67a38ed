// SPDX-License-Identifier: Apache-2.0
#include "daemon/config/keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "daemon/config/values.h"

namespace dlog::daemon {
namespace {

template <auto Member, typename T>
absl::Status SetText(const KeyValues& values, T* out) {
  out->*Member = values.front();
  return absl::OkStatus();
}

template <auto Member, typename T>
absl::Status SetList(const KeyValues& values, T* out) {
  out->*Member = values;
  return absl::OkStatus();
}

template <auto Member, typename T>
absl::Status SetPath(const KeyValues& values, T* out) {
  const std::string& path = values.front();
  if (!path.empty() && path.front() != '/') {
    return absl::InvalidArgumentError(fmt::format("'{}' is not an absolute path", path));
  }
  out->*Member = path;
  return absl::OkStatus();
}

template <auto Member, typename T>
absl::Status SetPaths(const KeyValues& values, T* out) {
  (out->*Member).clear();
  for (const std::string& path : values) {
    if (path.empty()) continue;
    if (path.front() != '/') return absl::InvalidArgumentError(fmt::format("'{}' is not an absolute path", path));
    (out->*Member).push_back(path);
  }
  return absl::OkStatus();
}

template <auto Member, uint64_t kMin, uint64_t kMax, typename T>
absl::Status SetCount(const KeyValues& values, T* out) {
  auto count = ParseCount(values.front());
  if (!count.ok()) return count.status();
  if (*count < kMin || *count > kMax) {
    return absl::InvalidArgumentError(fmt::format("{} is not between {} and {}", *count, kMin, kMax));
  }
  out->*Member = *count;
  return absl::OkStatus();
}

// "0" means never.
template <auto Member, typename T>
absl::Status SetBytes(const KeyValues& values, T* out) {
  auto bytes = ParseBytes(values.front());
  if (!bytes.ok()) return bytes.status();
  out->*Member = *bytes;
  return absl::OkStatus();
}

// "0" means never.
template <auto Member, typename T>
absl::Status SetDuration(const KeyValues& values, T* out) {
  out->*Member = 0;
  if (values.front() == "0") return absl::OkStatus();
  auto duration = ParseDurationMs(values.front());
  if (!duration.ok()) return duration.status();
  out->*Member = *duration;
  return absl::OkStatus();
}

// A list, each entry of which may hold several words.
template <auto Member, typename T>
absl::Status SetWords(const KeyValues& values, T* out) {
  (out->*Member).clear();
  for (const std::string& value : values) {
    for (size_t begin = 0; (begin = value.find_first_not_of(" ,", begin)) != std::string::npos;) {
      const size_t end = std::min(value.find_first_of(" ,", begin), value.size());
      (out->*Member).push_back(value.substr(begin, end - begin));
      begin = end;
    }
  }
  return absl::OkStatus();
}

template <auto Member, typename T>
absl::Status SetSwitch(const KeyValues& values, T* out) {
  if (values.front() != "true" && values.front() != "false") {
    return absl::InvalidArgumentError(fmt::format("'{}' is neither true nor false", values.front()));
  }
  out->*Member = values.front() == "true";
  return absl::OkStatus();
}

absl::Status CheckChoice(const std::string& value, std::span<const char* const> choices) {
  if (std::find(choices.begin(), choices.end(), value) != choices.end()) return absl::OkStatus();
  return absl::InvalidArgumentError(fmt::format("'{}' is none of {}", value, fmt::join(choices, ", ")));
}

constexpr const char* kKinds[] = {"stdout", "file", "syslog", "journald", "otlp"};
constexpr const char* kFormats[] = {"json", "text"};
constexpr const char* kFsync[] = {"never", "interval", "always"};
constexpr const char* kCompressions[] = {"none", "gzip"};
constexpr const char* kFacilities[] = {"user",   "daemon", "local0", "local1", "local2",
                                       "local3", "local4", "local5", "local6", "local7"};

template <auto Member, const auto& Choices>
absl::Status SetChoice(const KeyValues& values, SinkConfig* out) {
  if (auto status = CheckChoice(values.front(), Choices); !status.ok()) return status;
  out->*Member = values.front();
  return absl::OkStatus();
}

absl::Status SetName(const KeyValues& values, SinkConfig* out) {
  const std::string& name = values.front();
  const auto good = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.'; };
  if (name.empty() || name.size() > 64 || !std::all_of(name.begin(), name.end(), good)) {
    return absl::InvalidArgumentError("a sink's name is 1 to 64 letters, digits, '-', '_' or '.'");
  }
  out->name = name;
  return absl::OkStatus();
}

constexpr const char* kBackends[] = {"auto", "uprobe_multi", "perf"};

absl::Status SetBackend(const KeyValues& values, Config* config) {
  if (auto status = CheckChoice(values.front(), kBackends); !status.ok()) return status;
  config->attach_backend = values.front();
  return absl::OkStatus();
}

absl::Status SetRingSize(const KeyValues& values, Config* config) {
  constexpr uint64_t kMin = uint64_t{64} << 10, kMax = uint64_t{1} << 30;
  auto bytes = ParseBytes(values.front());
  if (!bytes.ok()) return bytes.status();
  if (*bytes < kMin || *bytes > kMax) {
    return absl::InvalidArgumentError(fmt::format("'{}' is not between 64KiB and 1GiB", values.front()));
  }
  config->ring_bytes = *bytes;
  return absl::OkStatus();
}

constexpr ConfigKey<Config> kTopKeys[] = {
    {"socket", "path", "/run/dlog/dlogd.sock", "restart", "unix socket of the API", false, SetPath<&Config::socket>},
    {"node-name", "text", "", "restart", "what events and `ls` call this machine; empty: its host name", false,
     SetText<&Config::node_name>},
    {"listen", "host:port", "", "restart",
     "TCP address of the API, with TLS on both sides by the three files below; empty: the unix socket only", false,
     SetText<&Config::listen>},
    {"listen-plain", "true or false", "false", "restart",
     "true: `listen` is a loopback address and has no TLS, so that every user of this machine may do what dlogd can",
     false, SetSwitch<&Config::listen_plain>},
    {"tls.cert", "path", "", "restart",
     "certificate of this dlogd, PEM; the three files are read again when they change", false,
     SetPath<&Config::tls_cert>},
    {"tls.key", "path", "", "restart", "its private key, PEM", false, SetPath<&Config::tls_key>},
    {"tls.client-ca", "path", "", "restart",
     "authority, PEM: whoever has a certificate of it may use the API of this dlogd", false,
     SetPath<&Config::tls_client_ca>},
    {"health", "host:port", "", "restart",
     "TCP address that answers the gRPC health service and nothing else, without TLS, for probes; it opens once the "
     "BPF "
     "programs are loaded and the canaries have passed; empty: none",
     false, SetText<&Config::health>},
    {"metrics", "host:port", "127.0.0.1:9464", "restart", "address of /metrics; empty: none", false,
     SetText<&Config::metrics>},
    {"state-dir", "path", "", "restart", "directory in which logpoints outlive a restart of dlogd; empty: they do not",
     false, SetPath<&Config::state_dir>},
    {"cache-dir", "path", "", "restart",
     "directory for inflated debug information; empty: /var/cache/dlog, or what $XDG_CACHE_HOME says", false,
     SetPath<&Config::cache_dir>},
    {"debug-dirs", "list", "", "restart", "directories with separate debug files, laid out like /usr/lib/debug", true,
     SetPaths<&Config::debug_dirs>},
    {"debuginfod", "URLs", "", "restart",
     "debuginfod servers to fetch debug files from, separated by spaces; empty: what $DEBUGINFOD_URLS says, or none",
     false, SetText<&Config::debuginfod>},
    {"visualizers-dir", "path", "/etc/dlog/visualizers", "reload",
     "directory with visualizers of your own (*.txtpb), for logpoints made from then on; empty: none", false,
     SetPath<&Config::visualizers_dir>},
    {"limits.max-logpoints", "number", "1000", "restart", "logpoints that may be active at once", false,
     SetCount<&Config::max_logpoints, 1, 100000>},
    {"attach.backend", "word", "auto", "restart",
     "how probes are attached: uprobe_multi (Linux 6.6), perf (perf events, slow to detach), or auto: what the kernel "
     "has",
     false, SetBackend},
    {"attach.ring-size", "size", "8MiB", "restart",
     "buffer for captured values between kernel and dlogd, 64KiB to 1GiB, rounded up to a power of two", false,
     SetRingSize},
    {"audit-log", "path", "", "restart",
     "file for a line per logpoint that somebody adds, removes, pauses or resumes; empty: standard error", false,
     SetPath<&Config::audit_log>},
    {"redaction.enabled", "switch", "true", "restart", "keep what the rules below match from being captured", false,
     SetSwitch<&Config::redact>},
    {"redaction.names", "list",
     "password passwd passphrase pwd secret token api_key access_key private_key encryption_key auth_key authorization "
     "credential cookie session_key jwt otp cvv ssn credit_card card_number",
     "restart",
     "variables and members that are secrets: words of their names in any spelling (api_key is apiKey, too), or "
     "patterns with * and ? for the whole name. A list replaces the default",
     true, SetWords<&Config::redact_names>},
    {"redaction.types", "list", "*Password *Passphrase *Secret SecretString *Credentials", "restart",
     "patterns for types whose objects are secrets, whatever they are called", true, SetWords<&Config::redact_types>},
    {"redaction.exclude", "list", "", "restart",
     "patterns for names, members (Lexer::token) and types that are no secrets all the same", true,
     SetWords<&Config::redact_exclude>},
    {"redaction.accept-plans", "switch", "true", "restart",
     "with redaction: take plans of `dlogctl log --plan`, whose names are what their maker says they are", false,
     SetSwitch<&Config::accept_plans>},
};

constexpr ConfigKey<SinkConfig> kSinkKeys[] = {
    {"kind", "word", "", "all", "stdout, file, syslog, journald or otlp", false, SetChoice<&SinkConfig::kind, kKinds>},
    {"name", "word", "", "all", "`sink` label of the metrics; the kind when not given", false, SetName},
    {"format", "word", "json", "stdout file", "json (one object per event) or text", false,
     SetChoice<&SinkConfig::format, kFormats>},
    {"path", "path", "", "file", "the file; older ones get .1, .2, ... behind it", false, SetPath<&SinkConfig::path>},
    {"address", "address", "", "syslog journald otlp",
     "syslog: unix:PATH (default unix:/dev/log) tcp:HOST:PORT or tls:HOST:PORT; journald: unix:PATH (default "
     "unix:/run/systemd/journal/socket); otlp: http://HOST:PORT, https://HOST:PORT, "
     "grpc://HOST:PORT or grpcs://HOST:PORT",
     false, SetText<&SinkConfig::address>},
    {"ca", "path", "", "syslog otlp",
     "authority of the peer's certificate, PEM, with tls: and https:; empty: those of this machine", false,
     SetPath<&SinkConfig::ca>},
    {"cert", "path", "", "syslog otlp", "certificate of this side, PEM, when the peer wants one", false,
     SetPath<&SinkConfig::cert>},
    {"key", "path", "", "syslog otlp", "its private key, PEM", false, SetPath<&SinkConfig::key>},
    {"queue", "number", "200000", "all", "events that may wait; more are dropped as queue_full", false,
     SetCount<&SinkConfig::queue_events, 1, 1000000>},
    {"queue-size", "size", "64MiB", "all", "memory that they may take, roughly; more are dropped as queue_full", false,
     SetBytes<&SinkConfig::queue_bytes>},
    {"rotate-size", "size", "64MiB", "file", "a new file once this one is that big; 0: never", false,
     SetBytes<&SinkConfig::rotate_bytes>},
    {"rotate-age", "duration", "0", "file", "a new file once this one is that old; 0: never", false,
     SetDuration<&SinkConfig::rotate_age_ms>},
    {"keep", "number", "5", "file", "older files that stay", false, SetCount<&SinkConfig::keep, 0, 1000>},
    {"fsync", "word", "interval", "file", "never, interval (once a second) or always (after each batch of events)",
     false, SetChoice<&SinkConfig::fsync, kFsync>},
    {"facility", "word", "user", "syslog", "user, daemon, local0 ... local7", false,
     SetChoice<&SinkConfig::facility, kFacilities>},
    {"compression", "word", "gzip", "otlp", "none or gzip", false, SetChoice<&SinkConfig::compression, kCompressions>},
    {"batch", "number", "512", "otlp", "events in one request, at most", false,
     SetCount<&SinkConfig::batch_events, 1, 10000>},
    {"timeout", "duration", "10s", "otlp", "how long one request may take", false,
     SetDuration<&SinkConfig::timeout_ms>},
    {"headers", "list", "", "otlp", "\"Name: value\" of each request", true, SetList<&SinkConfig::headers>},
};

bool HasWord(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const size_t end = std::min(words.find(' '), words.size());
    if (words.substr(0, end) == word) return true;
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return false;
}

bool StartsWith(std::string_view text, std::string_view start) { return text.substr(0, start.size()) == start; }

absl::Status CheckAddress(const SinkConfig& sink) {
  const std::string& address = sink.address;
  const auto wrong = [&](const char* want) {
    return absl::InvalidArgumentError(fmt::format("address '{}' is not {}", address, want));
  };
  if (sink.kind == "syslog" && !StartsWith(address, "unix:/") && !StartsWith(address, "tcp:") &&
      !StartsWith(address, "tls:")) {
    return wrong("unix:/PATH, tcp:HOST:PORT or tls:HOST:PORT");
  }
  if (sink.kind == "journald" && !StartsWith(address, "unix:/")) return wrong("unix:/PATH");
  if (sink.kind == "otlp" && !StartsWith(address, "http://") && !StartsWith(address, "https://") &&
      !StartsWith(address, "grpc://") && !StartsWith(address, "grpcs://")) {
    return wrong("http://HOST:PORT, https://HOST:PORT, grpc://HOST:PORT or grpcs://HOST:PORT");
  }
  const bool has_tls = StartsWith(address, "tls:") || StartsWith(address, "https:") || StartsWith(address, "grpcs:");
  if (!has_tls && !(sink.ca.empty() && sink.cert.empty() && sink.key.empty())) {
    return absl::InvalidArgumentError(fmt::format("ca, cert and key need TLS, which address '{}' is without", address));
  }
  if (sink.cert.empty() != sink.key.empty()) return absl::InvalidArgumentError("cert and key go together");
  return absl::OkStatus();
}

}  // namespace

std::span<const ConfigKey<Config>> TopKeys() { return kTopKeys; }
std::span<const ConfigKey<SinkConfig>> SinkKeys() { return kSinkKeys; }
std::span<const char* const> SinkKinds() { return kKinds; }

absl::Status CheckListen(const Config& config) {
  const bool any_tls = !config.tls_cert.empty() || !config.tls_key.empty() || !config.tls_client_ca.empty();
  const bool all_tls = !config.tls_cert.empty() && !config.tls_key.empty() && !config.tls_client_ca.empty();
  if (config.listen.empty()) {
    if (any_tls || config.listen_plain) return absl::InvalidArgumentError("tls and listen-plain need listen");
    return absl::OkStatus();
  }
  if (config.listen.find(':') == std::string::npos) {
    return absl::InvalidArgumentError(fmt::format("listen: '{}' has no port", config.listen));
  }
  if (config.listen_plain && any_tls) return absl::InvalidArgumentError("listen-plain goes without tls");
  if (!config.listen_plain && !all_tls) {
    return absl::InvalidArgumentError(
        "listen needs tls.cert, tls.key and tls.client-ca (or listen-plain, for a loopback address)");
  }
  return absl::OkStatus();
}

absl::Status CheckSink(const std::vector<std::string>& keys_set, SinkConfig* sink) {
  if (sink->kind.empty()) return absl::InvalidArgumentError("a sink needs its kind");
  for (const auto& key : kSinkKeys) {
    const bool is_set = std::find(keys_set.begin(), keys_set.end(), key.name) != keys_set.end();
    if (is_set && !HasWord(key.applies, "all") && !HasWord(key.applies, sink->kind)) {
      return absl::InvalidArgumentError(fmt::format("a sink of kind {} has no key '{}'", sink->kind, key.name));
    }
  }
  if (sink->name.empty()) sink->name = sink->kind;
  if (sink->kind == "file" && sink->path.empty()) return absl::InvalidArgumentError("a file sink needs its path");
  if (sink->kind == "otlp" && sink->address.empty()) {
    return absl::InvalidArgumentError("an otlp sink needs its address");
  }
  if (sink->timeout_ms == 0) return absl::InvalidArgumentError("timeout must not be 0");
  if (sink->kind == "syslog" && sink->address.empty()) sink->address = "unix:/dev/log";
  if (sink->kind == "journald" && sink->address.empty()) sink->address = "unix:/run/systemd/journal/socket";
  return CheckAddress(*sink);
}

}  // namespace dlog::daemon
