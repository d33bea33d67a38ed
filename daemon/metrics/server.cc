// SPDX-License-Identifier: Apache-2.0
#include "daemon/metrics/server.h"

#include <fmt/format.h>
#include <prometheus/exposer.h>

#include <exception>
#include <utility>

#include "symbolizer/base/status_hint.h"

namespace dlog::metrics {

MetricsServer::MetricsServer(std::unique_ptr<prometheus::Exposer> exposer, std::shared_ptr<Collector> collector)
    : collector_(std::move(collector)), exposer_(std::move(exposer)) {}

MetricsServer::~MetricsServer() = default;

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Create(const std::string& address,
                                                                     std::shared_ptr<Collector> collector) {
  std::unique_ptr<prometheus::Exposer> exposer;
  try {  // the library reports a port in use by an exception
    exposer = std::make_unique<prometheus::Exposer>(address, /*num_threads=*/2);
  } catch (const std::exception& error) {
    return WithHint(absl::UnavailableError(fmt::format("metrics address {}: {}", address, error.what())),
                    "another program listens there, or the address is not host:port; choose one with --metrics ADDR");
  }
  exposer->RegisterCollectable(collector);
  return std::unique_ptr<MetricsServer>(new MetricsServer(std::move(exposer), std::move(collector)));
}

}  // namespace dlog::metrics
