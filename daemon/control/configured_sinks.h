// SPDX-License-Identifier: Apache-2.0
//
// The sinks of the configuration, made and exchanged.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/config/config.h"
#include "daemon/sink/sink_set.h"

namespace dlog::daemon {

absl::StatusOr<std::shared_ptr<sink::Sink>> MakeSink(const SinkConfig& config);

// What MakeSink would say of the certificates and keys that `config` names; opens and connects nothing.
absl::Status CheckSinkFiles(const SinkConfig& config);

// Thread-compatible; the set() it changes is thread-safe.
class ConfiguredSinks {
 public:
  // From now on events go to these. Sinks whose configuration has not changed go on as they are. When one cannot be
  // made (a file's directory that does not exist) nothing changes.
  absl::Status Apply(const std::vector<SinkConfig>& configs);
  const std::shared_ptr<sink::SinkSet>& set() const { return set_; }

 private:
  const std::shared_ptr<sink::SinkSet> set_ = std::make_shared<sink::SinkSet>();
  std::vector<std::pair<SinkConfig, std::shared_ptr<sink::Sink>>> made_;
};

}  // namespace dlog::daemon
