// SPDX-License-Identifier: Apache-2.0
//
// The one table of configuration keys: name, type, default, meaning, and how a value gets into the Config.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "daemon/config/config.h"

namespace dlog::daemon {

using KeyValues = std::vector<std::string>;

template <typename T>
struct ConfigKey {
  const char* name;      // "limits.max-logpoints"
  const char* type;      // for people
  const char* standard;  // default, as it would be written; empty: none
  const char* applies;   // top level: "reload" or "restart"; sinks: the kinds that use it
  const char* help;
  bool list;  // takes a YAML list; else exactly one value
  absl::Status (*set)(const KeyValues& values, T* out);
};

std::span<const ConfigKey<Config>> TopKeys();
std::span<const ConfigKey<SinkConfig>> SinkKeys();

// All kinds of sinks, in the order of the reference page.
std::span<const char* const> SinkKinds();

// Defaults are values like any other: they go through `set`.
template <typename T>
T WithDefaults(std::span<const ConfigKey<T>> keys) {
  T out;
  for (const auto& key : keys) {
    // The table's own values parse; a test holds that.
    if (*key.standard != '\0') (void)key.set({key.standard}, &out);
  }
  return out;
}

// After all keys were set: an address on the network has its three files, or is declared to do without.
absl::Status CheckListen(const Config& config);

// After all keys were set: kind known, what the kind needs is there, nothing set that the kind does not use.
absl::Status CheckSink(const std::vector<std::string>& keys_set, SinkConfig* sink);

}  // namespace dlog::daemon
