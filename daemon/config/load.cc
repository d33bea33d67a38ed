// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <utility>

#include "daemon/config/config.h"
#include "daemon/config/keys.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::daemon {
namespace {

constexpr size_t kMaxSinks = 16;
constexpr char kHint[] =
    "every key is in daemon/config/REFERENCE.md; `dlogd --check-config --config FILE` checks a file";

// The values of a node for a key: one scalar, or a list of them.
absl::StatusOr<KeyValues> ValuesOf(const YamlNode& node, bool list, const std::string& file, std::string_view name) {
  KeyValues values;
  if (list) {
    if (node.kind != YamlNode::Kind::kList) return YamlError(file, node.line, fmt::format("{} takes a list", name));
    for (const YamlNode& each : node.list) {
      if (each.kind != YamlNode::Kind::kScalar) {
        return YamlError(file, each.line, fmt::format("{} takes a list of plain values", name));
      }
      values.push_back(each.scalar);
    }
    return values;
  }
  if (node.kind == YamlNode::Kind::kNull) return KeyValues{""};
  if (node.kind != YamlNode::Kind::kScalar) return YamlError(file, node.line, fmt::format("{} takes one value", name));
  return KeyValues{node.scalar};
}

template <typename T>
const ConfigKey<T>* FindKey(std::span<const ConfigKey<T>> keys, std::string_view name) {
  const auto found = std::find_if(keys.begin(), keys.end(), [&](const auto& key) { return name == key.name; });
  return found == keys.end() ? nullptr : &*found;
}

template <typename T>
absl::Status SetFromNode(std::span<const ConfigKey<T>> keys, const std::string& name, const YamlNode::Entry& entry,
                         const std::string& file, T* out) {
  const ConfigKey<T>* key = FindKey(keys, name);
  if (key == nullptr) return YamlError(file, entry.line, fmt::format("unknown key '{}'", name));
  auto values = ValuesOf(entry.value, key->list, file, name);
  if (!values.ok()) return values.status();
  if (auto status = key->set(*values, out); !status.ok()) {
    return YamlError(file, entry.value.line, fmt::format("{}: {}", name, std::string(status.message())));
  }
  return absl::OkStatus();
}

absl::Status ReadSink(const YamlNode& node, const std::string& file, Config* config) {
  if (node.kind != YamlNode::Kind::kMap) return YamlError(file, node.line, "a sink is a map with its kind");
  SinkConfig sink = WithDefaults(SinkKeys());
  std::vector<std::string> set;
  for (const YamlNode::Entry& entry : node.map) {
    if (auto status = SetFromNode(SinkKeys(), entry.key, entry, file, &sink); !status.ok()) return status;
    set.push_back(entry.key);
  }
  if (auto status = CheckSink(set, &sink); !status.ok()) {
    return YamlError(file, node.line, std::string(status.message()));
  }
  config->sinks.push_back(std::move(sink));
  return absl::OkStatus();
}

// "limits" of "limits.max-logpoints".
bool IsSection(const std::string& name) {
  return std::any_of(TopKeys().begin(), TopKeys().end(), [&](const auto& key) {
    return std::string_view(key.name).substr(0, name.size() + 1) == name + ".";
  });
}

absl::Status ReadMap(const YamlNode& map, const std::string& prefix, const std::string& file, Config* config) {
  for (const YamlNode::Entry& entry : map.map) {
    const std::string name = prefix + entry.key;
    absl::Status status;
    if (prefix.empty() && entry.key == "sinks") {
      if (entry.value.kind != YamlNode::Kind::kList) return YamlError(file, entry.value.line, "sinks takes a list");
      for (const YamlNode& sink : entry.value.list) status.Update(ReadSink(sink, file, config));
    } else if (prefix.empty() && IsSection(name)) {
      if (entry.value.kind != YamlNode::Kind::kMap) {
        return YamlError(file, entry.value.line, fmt::format("{} takes a map", name));
      }
      status = ReadMap(entry.value, name + ".", file, config);
    } else {
      status = SetFromNode(TopKeys(), name, entry, file, config);
      if (name == "metrics") config->metrics_named = true;
    }
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status ReadFile(const std::string& file, Config* config) {
  auto documents = ReadYamlFile(file);
  if (!documents.ok()) return documents.status();
  if (documents->size() > 1) return YamlError(file, documents->at(1).line, "one document is expected");
  if (documents->empty() || documents->front().kind == YamlNode::Kind::kNull) return absl::OkStatus();
  if (documents->front().kind != YamlNode::Kind::kMap) return YamlError(file, 1, "a map of keys is expected");
  return ReadMap(documents->front(), "", file, config);
}

// "DLOGD_LIMITS_MAX_LOGPOINTS".
std::string VariableOf(std::string_view name) {
  std::string out = "DLOGD_";
  for (const char c : name) {
    out += c == '.' || c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return out;
}

absl::Status SetSinks(const std::vector<std::string>& texts, const std::string& origin, Config* config) {
  config->sinks.clear();
  for (const std::string& text : texts) {
    auto sink = ParseSinkText(text);
    if (!sink.ok()) return WithContext(sink.status(), origin);
    config->sinks.push_back(*std::move(sink));
  }
  return absl::OkStatus();
}

std::vector<std::string> SplitWords(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    if (end > 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

absl::Status Override(const std::string& name, const KeyValues& values, const std::string& origin, Config* config) {
  if (name == "sinks") return SetSinks(values, origin, config);
  const auto* key = FindKey(TopKeys(), name);
  if (key == nullptr || values.empty()) return absl::InternalError(fmt::format("no key {}", name));
  if (name == "metrics") config->metrics_named = true;
  if (auto status = key->set(values, config); !status.ok()) return WithContext(status, origin);
  return absl::OkStatus();
}

absl::Status ReadEnvironment(const ConfigSource& source, Config* config) {
  if (source.environment == nullptr) return absl::OkStatus();
  std::vector<std::string> names = {"sinks"};
  for (const auto& key : TopKeys()) names.emplace_back(key.name);
  for (const std::string& name : names) {
    const std::string variable = VariableOf(name);
    const char* value = source.environment(variable.c_str());
    if (value == nullptr) continue;
    const KeyValues values = name == "sinks" ? SplitWords(value) : KeyValues{value};
    if (auto status = Override(name, values, variable, config); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// Sinks are told apart by their names in metrics and messages: same names get a number.
absl::Status NameSinks(Config* config) {
  if (config->sinks.size() > kMaxSinks) {
    return absl::InvalidArgumentError(fmt::format("{} sinks; at most {} are allowed", config->sinks.size(), kMaxSinks));
  }
  std::set<std::string> names = {"stream"};  // the live streams
  for (SinkConfig& sink : config->sinks) {
    const std::string base = sink.name;
    for (int n = 2; !names.insert(sink.name).second; ++n) sink.name = fmt::format("{}-{}", base, n);
  }
  return absl::OkStatus();
}

absl::Status Load(const ConfigSource& source, Config* config) {
  if (!source.file.empty()) {
    if (auto status = ReadFile(source.file, config); !status.ok()) return status;
  }
  if (auto status = ReadEnvironment(source, config); !status.ok()) return status;
  for (const auto& [name, values] : source.flags) {
    std::string origin = name == "sinks" ? "--sink" : "--" + name;
    std::replace(origin.begin(), origin.end(), '.', '-');
    if (auto status = Override(name, values, origin, config); !status.ok()) return status;
  }
  if (auto status = CheckListen(*config); !status.ok()) return status;
  return NameSinks(config);
}

}  // namespace

absl::StatusOr<SinkConfig> ParseSinkText(const std::string& text) {
  SinkConfig sink = WithDefaults(SinkKeys());
  std::vector<std::string> parts;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  const size_t colon = parts.front().find(':');
  std::vector<std::pair<std::string, std::string>> pairs = {{"kind", parts.front().substr(0, colon)}};
  if (colon != std::string::npos) {
    const std::string& kind = pairs.front().second;
    const char* key = kind == "stdout" ? "format" : kind == "file" ? "path" : "address";
    pairs.emplace_back(key, parts.front().substr(colon + 1));
  }
  for (size_t i = 1; i < parts.size(); ++i) {
    const size_t equals = parts[i].find('=');
    if (equals == std::string::npos) {
      return absl::InvalidArgumentError(fmt::format("sink '{}': '{}' is not key=value", text, parts[i]));
    }
    pairs.emplace_back(parts[i].substr(0, equals), parts[i].substr(equals + 1));
  }
  std::vector<std::string> set;
  for (const auto& [name, value] : pairs) {
    const auto* key = FindKey(SinkKeys(), name);
    const absl::Status status =
        key == nullptr ? absl::InvalidArgumentError(fmt::format("unknown key '{}'", name)) : key->set({value}, &sink);
    if (!status.ok()) return WithHint(WithContext(status, fmt::format("sink '{}'", text)), kHint);
    set.push_back(name);
  }
  if (auto status = CheckSink(set, &sink); !status.ok()) {
    return WithHint(WithContext(status, fmt::format("sink '{}'", text)), kHint);
  }
  return sink;
}

Config DefaultConfig() { return WithDefaults(TopKeys()); }

absl::StatusOr<Config> LoadConfig(const ConfigSource& source) {
  Config config = DefaultConfig();
  auto status = Load(source, &config);
  if (!status.ok()) return HintOf(status).empty() ? WithHint(status, kHint) : status;
  return config;
}

RedactionConfig RedactionOf(const Config& config) {
  if (!config.redact) return {};
  return {config.redact_names, config.redact_types, config.redact_exclude};
}

std::vector<std::string> KeysThatNeedRestart(const Config& before, const Config& after) {
  std::vector<std::string> names;
  const auto compare = [&](bool same, const char* name) {
    if (!same) names.emplace_back(name);
  };
  compare(before.socket == after.socket, "socket");
  compare(before.node_name == after.node_name, "node-name");
  compare(before.listen == after.listen, "listen");
  compare(before.listen_plain == after.listen_plain, "listen-plain");
  compare(before.tls_cert == after.tls_cert, "tls.cert");
  compare(before.tls_key == after.tls_key, "tls.key");
  compare(before.tls_client_ca == after.tls_client_ca, "tls.client-ca");
  compare(before.health == after.health, "health");
  compare(before.metrics == after.metrics, "metrics");
  compare(before.state_dir == after.state_dir, "state-dir");
  compare(before.cache_dir == after.cache_dir, "cache-dir");
  compare(before.debug_dirs == after.debug_dirs, "debug-dirs");
  compare(before.debuginfod == after.debuginfod, "debuginfod");
  compare(before.max_logpoints == after.max_logpoints, "limits.max-logpoints");
  compare(before.attach_backend == after.attach_backend, "attach.backend");
  compare(before.ring_bytes == after.ring_bytes, "attach.ring-size");
  compare(before.audit_log == after.audit_log, "audit-log");
  compare(before.redact == after.redact, "redaction.enabled");
  compare(before.redact_names == after.redact_names, "redaction.names");
  compare(before.redact_types == after.redact_types, "redaction.types");
  compare(before.redact_exclude == after.redact_exclude, "redaction.exclude");
  compare(before.accept_plans == after.accept_plans, "redaction.accept-plans");
  return names;
}

}  // namespace dlog::daemon
