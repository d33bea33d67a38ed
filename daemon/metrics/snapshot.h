// SPDX-License-Identifier: Apache-2.0
//
// What the metrics show, taken from the engine at each scrape: a logpoint's series live as long as the logpoint.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "daemon/metrics/histogram.h"
#include "daemon/sink/sink.h"

namespace dlog::metrics {

struct LogpointMetrics {
  std::string id;
  uint64_t hits = 0;
  uint64_t events = 0;
  uint64_t filtered = 0;
  uint64_t sampled_out = 0;
  uint64_t rate_limited = 0;
  std::map<std::string, uint64_t> dropped;  // by label of bpf/drop_reasons.def; absent = 0
  uint64_t captured_bytes = 0;
  double overhead_ratio = 0;
};

struct SinkMetrics {
  std::string name;
  sink::SinkCounters counters;
};

// What the start-up canaries found out about one class of instructions.
struct CanaryMetrics {
  std::string name;
  std::string verdict;
  int64_t cost_ns = 0;  // 0 = not measured
};

struct MetricsSnapshot {
  std::vector<LogpointMetrics> logpoints;
  std::map<std::string, uint64_t> logpoints_by_state;
  std::map<std::string, uint64_t> sites_by_class;       // of active logpoints
  std::map<std::string, uint64_t> symbolizer_failures;  // by reason
  std::vector<SinkMetrics> sinks;
  std::vector<CanaryMetrics> canaries;
  HistogramSnapshot event_latency;
  HistogramSnapshot resolve;
  double ring_used_ratio = 0;
  uint64_t targets = 0;  // distinct processes and files with an active logpoint
};

}  // namespace dlog::metrics
