// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/reload.h"

#include <fmt/format.h>

namespace dlog::daemon {

absl::StatusOr<std::vector<std::string>> Reloader::Reload() {
  auto config = LoadConfig(source_);
  if (!config.ok()) return config.status();
  auto visualizers = ReadVisualizers(config->visualizers_dir);
  if (!visualizers.ok()) return visualizers.status();
  if (auto status = sinks_->Apply(config->sinks); !status.ok()) return status;
  visualizers_->Set(*std::move(visualizers));
  std::vector<std::string> lines;
  for (const std::string& key : KeysThatNeedRestart(current_, *config)) {
    lines.push_back(fmt::format("{} has changed and needs a restart; the old value stays", key));
  }
  current_.sinks = config->sinks;
  lines.push_back(fmt::format("configuration read again, {} {}, {} {}", config->sinks.size(),
                              config->sinks.size() == 1 ? "sink" : "sinks", visualizers_->count(),
                              visualizers_->count() == 1 ? "visualizer file" : "visualizer files"));
  return lines;
}

}  // namespace dlog::daemon
