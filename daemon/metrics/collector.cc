// SPDX-License-Identifier: Apache-2.0
#include "daemon/metrics/collector.h"

#include <limits>
#include <map>
#include <string>

namespace dlog::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr const char* kDropReasons[] = {
#define DROP(name, label, meaning) label,
#include "bpf/drop_reasons.def"
#undef DROP
};
constexpr const char* kStates[] = {"pending", "resolving", "active",   "throttled",
                                   "paused",  "expired",   "finished", "failed"};
constexpr const char* kClasses[] = {"nop", "emulated", "stepped"};
constexpr const char* kFailures[] = {"spawn", "timeout", "crash", "limit", "sandbox", "garbage", "oversize"};

using Labels = std::vector<ClientMetric::Label>;

class FamilyBuilder {
 public:
  FamilyBuilder(std::vector<MetricFamily>* out, const char* name, const char* help, MetricType type) : out_(out) {
    family_.name = name;
    family_.help = help;
    family_.type = type;
  }
  ~FamilyBuilder() { out_->push_back(std::move(family_)); }
  FamilyBuilder(const FamilyBuilder&) = delete;
  FamilyBuilder& operator=(const FamilyBuilder&) = delete;

  void Add(Labels labels, double value) {
    ClientMetric metric;
    metric.label = std::move(labels);
    (family_.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
    family_.metric.push_back(std::move(metric));
  }

  void AddHistogram(const HistogramSnapshot& histogram) {
    ClientMetric metric;
    uint64_t cumulative = 0;
    for (size_t i = 0; i < histogram.counts.size(); ++i) {
      cumulative += histogram.counts[i];
      const double bound =
          i < histogram.upper_bounds.size() ? histogram.upper_bounds[i] : std::numeric_limits<double>::infinity();
      metric.histogram.bucket.push_back({cumulative, bound});
    }
    metric.histogram.sample_count = cumulative;
    metric.histogram.sample_sum = histogram.sum_seconds;
    family_.metric.push_back(std::move(metric));
  }

 private:
  std::vector<MetricFamily>* out_;
  MetricFamily family_;
};

double Value(const std::map<std::string, uint64_t>& map, const char* key) {
  auto it = map.find(key);
  return it == map.end() ? 0 : static_cast<double>(it->second);
}

void AddLogpoints(const MetricsSnapshot& snapshot, std::vector<MetricFamily>* out) {
  struct Column {
    const char* name;
    const char* help;
    uint64_t LogpointMetrics::*member;
  };
  const Column columns[] = {
      {"dlog_logpoint_hits_total", "Times the target executed a site of the logpoint.", &LogpointMetrics::hits},
      {"dlog_logpoint_events_total", "Events made of hits.", &LogpointMetrics::events},
      {"dlog_logpoint_filtered_total", "Hits for which the condition was false.", &LogpointMetrics::filtered},
      {"dlog_logpoint_sampled_out_total", "Hits left out by sampling.", &LogpointMetrics::sampled_out},
      {"dlog_logpoint_rate_limited_total", "Hits left out by the rate limit.", &LogpointMetrics::rate_limited},
      {"dlog_logpoint_captured_bytes_total", "Bytes copied from the target.", &LogpointMetrics::captured_bytes},
  };
  for (const Column& column : columns) {
    FamilyBuilder family(out, column.name, column.help, MetricType::Counter);
    for (const LogpointMetrics& logpoint : snapshot.logpoints) {
      family.Add({{"logpoint", logpoint.id}}, static_cast<double>(logpoint.*column.member));
    }
  }
  {
    FamilyBuilder family(out, "dlog_logpoint_overhead_ratio",
                         "Estimated part of one core that the probes have taken from the target so far.",
                         MetricType::Gauge);
    for (const LogpointMetrics& logpoint : snapshot.logpoints) {
      family.Add({{"logpoint", logpoint.id}}, logpoint.overhead_ratio);
    }
  }
  FamilyBuilder family(out, "dlog_logpoint_dropped_total", "Hits that were to become events but were lost, by reason.",
                       MetricType::Counter);
  for (const LogpointMetrics& logpoint : snapshot.logpoints) {
    for (const char* reason : kDropReasons) {
      family.Add({{"logpoint", logpoint.id}, {"reason", reason}}, Value(logpoint.dropped, reason));
    }
  }
}

void AddSinks(const MetricsSnapshot& snapshot, std::vector<MetricFamily>* out) {
  {
    FamilyBuilder family(out, "dlog_sink_events_total", "Events delivered by a sink.", MetricType::Counter);
    for (const SinkMetrics& sink : snapshot.sinks) {
      family.Add({{"sink", sink.name}}, static_cast<double>(sink.counters.events));
    }
  }
  FamilyBuilder family(out, "dlog_sink_dropped_total", "Events that a sink could not take, by reason.",
                       MetricType::Counter);
  for (const SinkMetrics& sink : snapshot.sinks) {
    for (const auto& [reason, count] : sink.counters.dropped) {
      family.Add({{"sink", sink.name}, {"reason", reason}}, static_cast<double>(count));
    }
  }
}

void AddCanaries(const MetricsSnapshot& snapshot, std::vector<MetricFamily>* out) {
  {
    FamilyBuilder family(out, "dlog_probe_class", "Always 1; what a probe does to this class of instructions here.",
                         MetricType::Gauge);
    for (const CanaryMetrics& canary : snapshot.canaries) {
      family.Add({{"class", canary.name}, {"verdict", canary.verdict}}, 1);
    }
  }
  FamilyBuilder family(out, "dlog_probe_class_cost_seconds",
                       "Measured cost of a probe's hit, by class of instructions.", MetricType::Gauge);
  for (const CanaryMetrics& canary : snapshot.canaries) {
    if (canary.cost_ns > 0) family.Add({{"class", canary.name}}, static_cast<double>(canary.cost_ns) * 1e-9);
  }
}

}  // namespace

std::vector<MetricFamily> ToFamilies(const MetricsSnapshot& snapshot, const std::string& version) {
  std::vector<MetricFamily> out;
  AddLogpoints(snapshot, &out);
  AddSinks(snapshot, &out);
  AddCanaries(snapshot, &out);
  {
    FamilyBuilder family(&out, "dlog_logpoints", "Logpoints by state.", MetricType::Gauge);
    for (const char* state : kStates) family.Add({{"state", state}}, Value(snapshot.logpoints_by_state, state));
  }
  {
    FamilyBuilder family(&out, "dlog_sites", "Attached probe sites by instruction class.", MetricType::Gauge);
    for (const char* name : kClasses) family.Add({{"class", name}}, Value(snapshot.sites_by_class, name));
  }
  {
    FamilyBuilder family(&out, "dlog_symbolizer_failures_total",
                         "Symbolizer workers that failed (wrong requests do not count), by reason.",
                         MetricType::Counter);
    std::map<std::string, uint64_t> failures = snapshot.symbolizer_failures;
    for (const char* reason : kFailures) failures[reason];  // known reasons appear with 0
    for (const auto& [reason, count] : failures) family.Add({{"reason", reason}}, static_cast<double>(count));
  }
  FamilyBuilder(&out, "dlog_event_latency_seconds", "Time from the hit to the sinks.", MetricType::Histogram)
      .AddHistogram(snapshot.event_latency);
  FamilyBuilder(&out, "dlog_resolve_seconds", "Time a symbolizer worker took for one request.", MetricType::Histogram)
      .AddHistogram(snapshot.resolve);
  FamilyBuilder(&out, "dlog_ring_used_ratio", "Part of the ring buffer that waits to be drained.", MetricType::Gauge)
      .Add({}, snapshot.ring_used_ratio);
  FamilyBuilder(&out, "dlog_targets", "Distinct processes and files that carry an active logpoint.", MetricType::Gauge)
      .Add({}, static_cast<double>(snapshot.targets));
  FamilyBuilder(&out, "dlog_build_info", "Always 1; the labels tell the version.", MetricType::Gauge)
      .Add({{"version", version}}, 1);
  return out;
}

}  // namespace dlog::metrics
