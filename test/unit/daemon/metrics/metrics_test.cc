// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <prometheus/text_serializer.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "daemon/metrics/collector.h"
#include "daemon/metrics/histogram.h"
#include "daemon/metrics/server.h"
#include "symbolizer/base/status_hint.h"
#include "test/catch.h"

namespace dlog::metrics {
namespace {

std::string Text(const MetricsSnapshot& snapshot) {
  return prometheus::TextSerializer().Serialize(ToFamilies(snapshot, "1.2.3"));
}

bool Has(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

MetricsSnapshot WithLogpoint() {
  MetricsSnapshot snapshot;
  LogpointMetrics logpoint;
  logpoint.id = "lp-3";
  logpoint.hits = 100;
  logpoint.events = 60;
  logpoint.filtered = 20;
  logpoint.rate_limited = 15;
  logpoint.dropped["ring_full"] = 5;
  logpoint.captured_bytes = 4096;
  snapshot.logpoints.push_back(logpoint);
  return snapshot;
}

TEST_CASE("a logpoint's counters are shown under its id") {
  const std::string text = Text(WithLogpoint());
  CHECK(Has(text, "dlog_logpoint_hits_total{logpoint=\"lp-3\"} 100"));
  CHECK(Has(text, "dlog_logpoint_events_total{logpoint=\"lp-3\"} 60"));
  CHECK(Has(text, "dlog_logpoint_filtered_total{logpoint=\"lp-3\"} 20"));
  CHECK(Has(text, "dlog_logpoint_sampled_out_total{logpoint=\"lp-3\"} 0"));
  CHECK(Has(text, "dlog_logpoint_rate_limited_total{logpoint=\"lp-3\"} 15"));
  CHECK(Has(text, "dlog_logpoint_captured_bytes_total{logpoint=\"lp-3\"} 4096"));
  CHECK(Has(text, "dlog_logpoint_dropped_total{logpoint=\"lp-3\",reason=\"ring_full\"} 5"));
  CHECK(Has(text, "dlog_logpoint_dropped_total{logpoint=\"lp-3\",reason=\"decode\"} 0"));
  CHECK(Has(text, "# TYPE dlog_logpoint_hits_total counter"));
}

TEST_CASE("without a logpoint there is no series of one") {
  const std::string text = Text({});
  CHECK(text.find("logpoint=\"") == std::string::npos);
  CHECK(Has(text, "dlog_logpoints{state=\"active\"} 0"));
}

TEST_CASE("gauges and totals of the daemon") {
  MetricsSnapshot snapshot;
  snapshot.logpoints_by_state["active"] = 2;
  snapshot.logpoints_by_state["expired"] = 1;
  snapshot.sites_by_class["emulated"] = 7;
  snapshot.symbolizer_failures["timeout"] = 3;
  snapshot.symbolizer_failures["a later one"] = 2;
  snapshot.ring_used_ratio = 0.25;
  snapshot.targets = 4;
  sink::SinkCounters counters;
  counters.events = 9;
  counters.dropped["queue_full"] = 1;
  snapshot.sinks.push_back({"stdout", counters});
  snapshot.canaries.push_back({"push", "safe", 612});
  snapshot.canaries.push_back({"nop5", "unsafe", 0});
  const std::string text = Text(snapshot);
  CHECK(Has(text, "dlog_logpoints{state=\"active\"} 2"));
  CHECK(Has(text, "dlog_logpoints{state=\"expired\"} 1"));
  CHECK(Has(text, "dlog_sites{class=\"emulated\"} 7"));
  CHECK(Has(text, "dlog_sites{class=\"stepped\"} 0"));
  CHECK(Has(text, "dlog_symbolizer_failures_total{reason=\"timeout\"} 3"));
  CHECK(Has(text, "dlog_symbolizer_failures_total{reason=\"sandbox\"} 0"));
  CHECK(Has(text, "dlog_symbolizer_failures_total{reason=\"a later one\"} 2"));
  CHECK(Has(text, "dlog_ring_used_ratio 0.25"));
  CHECK(Has(text, "dlog_probe_class{class=\"nop5\",verdict=\"unsafe\"} 1"));
  CHECK(Has(text, "dlog_probe_class_cost_seconds{class=\"push\"} 6.12e-07"));
  CHECK(Has(text, "dlog_targets 4"));
  CHECK(Has(text, "dlog_sink_events_total{sink=\"stdout\"} 9"));
  CHECK(Has(text, "dlog_sink_dropped_total{sink=\"stdout\",reason=\"queue_full\"} 1"));
  CHECK(Has(text, "dlog_build_info{version=\"1.2.3\"} 1"));
  CHECK(Has(text, "# TYPE dlog_ring_used_ratio gauge"));
}

TEST_CASE("every family has a help line and a type that fits its name") {
  for (const auto& family : ToFamilies(WithLogpoint(), "1")) {
    INFO(family.name);
    CHECK_FALSE(family.help.empty());
    CHECK(family.help.back() == '.');
    const bool total = family.name.size() > 6 && family.name.substr(family.name.size() - 6) == "_total";
    CHECK(total == (family.type == prometheus::MetricType::Counter));
  }
}

TEST_CASE("a histogram's buckets are cumulative and end at infinity") {
  DurationHistogram histogram;
  histogram.Observe(-5);      // clocks may disagree a little: counted as 0
  histogram.Observe(10'000);  // exactly the first bound: inside it
  histogram.Observe(10'001);
  histogram.Observe(1'000'000'000);
  histogram.Observe(1'000'000'000'000);
  MetricsSnapshot snapshot;
  snapshot.event_latency = histogram.Snapshot();
  snapshot.resolve = DurationHistogram().Snapshot();
  const std::string text = Text(snapshot);
  CHECK(Has(text, "dlog_event_latency_seconds_bucket{le=\"1e-05\"} 2"));
  CHECK(Has(text, "dlog_event_latency_seconds_bucket{le=\"2.5e-05\"} 3"));
  CHECK(Has(text, "dlog_event_latency_seconds_bucket{le=\"1\"} 4"));
  CHECK(Has(text, "dlog_event_latency_seconds_bucket{le=\"+Inf\"} 5"));
  CHECK(Has(text, "dlog_event_latency_seconds_count 5"));
  CHECK(Has(text, "dlog_resolve_seconds_count 0"));
  CHECK(Has(text, "# TYPE dlog_event_latency_seconds histogram"));
}

// One HTTP request to 127.0.0.1:port.
std::string Get(uint16_t port, const std::string& path) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string out;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
    const std::string request = fmt::format("GET {} HTTP/1.0\r\n\r\n", path);
    if (write(fd, request.data(), request.size()) > 0) {
      char chunk[4096];
      for (ssize_t got; (got = read(fd, chunk, sizeof(chunk))) > 0;) out.append(chunk, static_cast<size_t>(got));
    }
  }
  close(fd);
  return out;
}

// A port that was free a moment ago.
uint16_t FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  socklen_t size = sizeof(address);
  REQUIRE(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  close(fd);
  return ntohs(address.sin_port);
}

TEST_CASE("a scrape asks for the numbers of that moment, and a port in use is an error") {
  int scrapes = 0;
  auto source = [&scrapes] {
    MetricsSnapshot snapshot;
    snapshot.targets = static_cast<uint64_t>(++scrapes);
    return snapshot;
  };
  const uint16_t port = FreePort();
  const std::string address = fmt::format("127.0.0.1:{}", port);
  auto server = MetricsServer::Create(address, std::make_shared<Collector>(source, "1"));
  REQUIRE(server.ok());
  CHECK(Get(port, "/metrics").find("dlog_targets 1\n") != std::string::npos);
  CHECK(Get(port, "/metrics").find("dlog_targets 2\n") != std::string::npos);

  const auto second = MetricsServer::Create(address, std::make_shared<Collector>(source, "1"));
  CHECK(absl::IsUnavailable(second.status()));
  CHECK(std::string(second.status().message()).find(address) != std::string::npos);
  CHECK_FALSE(HintOf(second.status()).empty());
}

TEST_CASE("durations counted apart and added at once are those counted one by one") {
  DurationHistogram one_by_one;
  DurationHistogram at_once;
  DurationHistogram::Tally tally;
  for (int64_t ns = -1; ns < int64_t{1} << 40; ns = 3 * ns + 7'000) {
    one_by_one.Observe(ns);
    tally.Observe(ns);
  }
  at_once.Add(tally);
  CHECK(at_once.Snapshot().counts == one_by_one.Snapshot().counts);
  CHECK(at_once.Snapshot().sum_seconds == one_by_one.Snapshot().sum_seconds);
}

}  // namespace
}  // namespace dlog::metrics
