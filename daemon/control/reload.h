// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/config/config.h"
#include "daemon/control/configured_sinks.h"
#include "daemon/symbolizer_client/user_visualizers.h"

namespace dlog::daemon {

// Reads the configuration again (SIGHUP). Logpoints are not touched, whatever the file says.
class Reloader {
 public:
  Reloader(ConfigSource source, Config current, ConfiguredSinks* sinks, UserVisualizers* visualizers)
      : source_(std::move(source)), current_(std::move(current)), sinks_(sinks), visualizers_(visualizers) {}

  // Lines for the log: what has changed, what needs a restart. An error leaves everything as it was.
  absl::StatusOr<std::vector<std::string>> Reload();

 private:
  const ConfigSource source_;
  Config current_;  // what is in force
  ConfiguredSinks* const sinks_;
  UserVisualizers* const visualizers_;
};

}  // namespace dlog::daemon
