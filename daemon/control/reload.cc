// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/reload.h"

#include <fmt/format.h>

namespace dlog::daemon {

absl::StatusOr<std::vector<std::string>> Reloader::Reload() {
  auto config = LoadConfig(source_);
  if (!config.ok()) return config.status();
  if (auto status = sinks_->Apply(config->sinks); !status.ok()) return status;
  std::vector<std::string> lines;
  for (const std::string& key : KeysThatNeedRestart(current_, *config)) {
    lines.push_back(fmt::format("{} has changed and needs a restart; the old value stays", key));
  }
  current_.sinks = config->sinks;
  lines.push_back(fmt::format("configuration read again, {} {}", config->sinks.size(),
                              config->sinks.size() == 1 ? "sink" : "sinks"));
  return lines;
}

}  // namespace dlog::daemon
