// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "daemon/metrics/collector.h"

namespace prometheus {
class Exposer;
}

namespace dlog::metrics {

// /metrics on an address of its own, until destruction.
class MetricsServer {
 public:
  // `address` is "host:port". Unavailable when it cannot be bound.
  static absl::StatusOr<std::unique_ptr<MetricsServer>> Create(const std::string& address,
                                                               std::shared_ptr<Collector> collector);
  ~MetricsServer();

 private:
  MetricsServer(std::unique_ptr<prometheus::Exposer> exposer, std::shared_ptr<Collector> collector);

  std::shared_ptr<Collector> collector_;  // the exposer holds it weakly
  std::unique_ptr<prometheus::Exposer> exposer_;
};

}  // namespace dlog::metrics
