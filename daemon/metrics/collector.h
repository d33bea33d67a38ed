// SPDX-License-Identifier: Apache-2.0
//
// MetricsSnapshot -> Prometheus metric families, named as the design's cli.md promises.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/metrics/snapshot.h"

namespace dlog::metrics {

// The families of one snapshot. Families are complete: known reasons, states and classes appear with 0.
std::vector<prometheus::MetricFamily> ToFamilies(const MetricsSnapshot& snapshot, const std::string& version);

// `source` is called at each scrape, from the exposer's threads.
class Collector : public prometheus::Collectable {
 public:
  Collector(std::function<MetricsSnapshot()> source, std::string version)
      : source_(std::move(source)), version_(std::move(version)) {}
  std::vector<prometheus::MetricFamily> Collect() const override { return ToFamilies(source_(), version_); }

 private:
  const std::function<MetricsSnapshot()> source_;
  const std::string version_;
};

}  // namespace dlog::metrics
