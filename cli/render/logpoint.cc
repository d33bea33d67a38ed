// SPDX-License-Identifier: Apache-2.0
#include "cli/render/logpoint.h"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "absl/time/time.h"
#include "cli/exit_status.h"
#include "cli/render/explain.h"
#include "cli/render/output.h"
#include "daemon/format/event_json.h"

namespace dlog::cli {
namespace {

using format::JsonWriter;

constexpr size_t kMaxTextColumn = 60;

std::string UtcTime(int64_t unix_ns) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E9SZ", absl::FromUnixNanos(unix_ns), absl::UTCTimeZone());
}

uint64_t Dropped(const v1::Counters& counters) {
  uint64_t sum = 0;
  for (const v1::Loss& loss : counters.dropped()) sum += loss.count();
  return sum;
}

std::string Location(const v1::LogpointState& state) {
  if (state.file().empty()) return state.spec().location();  // not resolved yet
  const size_t slash = state.file().rfind('/');
  return fmt::format("{}:{}", slash == std::string::npos ? state.file() : state.file().substr(slash + 1), state.line());
}

void WriteCounters(const v1::Counters& counters, JsonWriter* json) {
  json->BeginObject().Key("hits").Uint(counters.hits()).Key("emitted").Uint(counters.emitted());
  json->Key("filtered").Uint(counters.filtered()).Key("sampled_out").Uint(counters.sampled_out());
  json->Key("rate_limited").Uint(counters.rate_limited()).Key("dropped").BeginObject();
  for (const v1::Loss& loss : counters.dropped()) json->Key(loss.reason()).Uint(loss.count());
  json->EndObject().Key("captured_bytes").Uint(counters.captured_bytes()).EndObject();
}

void WriteTarget(const v1::Target& target, JsonWriter* json) {
  json->BeginObject();
  if (target.pid() != 0) json->Key("pid").Int(target.pid());
  if (!target.exe_path().empty()) json->Key("exe").String(target.exe_path());
  if (!target.selectors().empty()) {
    json->Key("selectors").BeginArray();
    for (const std::string& selector : target.selectors()) json->String(selector);
    json->EndArray();
  }
  json->EndObject();
}

void WriteLimits(const v1::Limits& limits, JsonWriter* json) {
  json->BeginObject().Key("ttl_ms").Uint(limits.ttl_ms()).Key("hits").Uint(limits.hits());
  json->Key("rate_per_second").Uint(limits.rate_per_second()).Key("depth").Uint(limits.depth());
  json->Key("items").Uint(limits.items()).Key("string_bytes").Uint(limits.string_bytes());
  json->Key("event_bytes").Uint(limits.event_bytes());
  if (limits.every() > 1) json->Key("every").Uint(limits.every());
  if (limits.sample() > 0 && limits.sample() < 1) json->Key("sample").Double(limits.sample());
  json->Key("budget").Double(limits.budget()).EndObject();
}

// As in events.
void WriteContainer(const std::string& id, const std::string& pod_uid, JsonWriter* json) {
  if (!id.empty()) json->Key("container_id").String(id);
  if (!pod_uid.empty()) json->Key("k8s").BeginObject().Key("pod_uid").String(pod_uid).EndObject();
}

void WriteStrings(std::string_view key, const google::protobuf::RepeatedPtrField<std::string>& strings,
                  JsonWriter* json) {
  json->Key(key).BeginArray();
  for (const std::string& string : strings) json->String(string);
  json->EndArray();
}

std::string LimitsText(const v1::Limits& limits) {
  const std::string rate = limits.rate_per_second() == 0 ? "unlimited" : fmt::format("{}/s", limits.rate_per_second());
  const std::string hits = limits.hits() == 0 ? "unlimited" : std::to_string(limits.hits());
  std::string out = fmt::format("ttl {}, hits {}, rate {}, depth {}, items {}, string {}, bytes {}, budget {:g}%",
                                absl::FormatDuration(absl::Milliseconds(limits.ttl_ms())), hits, rate, limits.depth(),
                                limits.items(), limits.string_bytes(), limits.event_bytes(), 100 * limits.budget());
  if (limits.every() > 1) out += fmt::format(", every {}", limits.every());
  if (limits.sample() > 0 && limits.sample() < 1) out += fmt::format(", sample {:g}%", 100 * limits.sample());
  return out;
}

}  // namespace

std::string TargetText(const v1::Target& target) {
  std::string out;
  const auto add = [&out](const std::string& part) { out += (out.empty() ? "" : " ") + part; };
  if (target.pid() != 0) add(fmt::format("pid {}", target.pid()));
  if (!target.exe_path().empty()) add(target.exe_path());
  for (const std::string& selector : target.selectors()) add(selector);
  return out;
}

void WriteLogpointJson(const v1::LogpointState& state, JsonWriter* json) {
  const v1::LogpointSpec& spec = state.spec();
  json->BeginObject().Key("id").String(spec.id()).Key("state").String(state.state());
  if (!state.reason().empty()) json->Key("reason").String(state.reason());
  if (!spec.name().empty()) json->Key("name").String(spec.name());
  if (!state.host().empty()) json->Key("host").String(state.host());
  WriteContainer(state.container_id(), state.pod_uid(), json);
  json->Key("since").String(UtcTime(state.since_unix_ns())).Key("created").String(UtcTime(state.created_unix_ns()));
  json->Key("location").String(spec.location()).Key("file").String(state.file()).Key("line").Uint(state.line());
  json->Key("target");
  WriteTarget(spec.target(), json);
  json->Key("text").String(spec.template_());
  if (!spec.condition().empty()) json->Key("condition").String(spec.condition());
  json->Key("level").String(format::LevelName(spec.level()));
  WriteStrings("tags", spec.tags(), json);
  json->Key("limits");
  WriteLimits(spec.limits(), json);
  json->Key("sites").Uint(state.sites()).Key("sites_refused").Uint(state.sites_refused()).Key("counters");
  WriteCounters(state.counters(), json);
  WriteStrings("warnings", state.warnings(), json);
  json->Key("overhead_ratio").Double(state.overhead_ratio());
  if (state.throttle_factor() > 1) json->Key("throttle_factor").Double(state.throttle_factor());
  json->Key("attach_ms").Double(state.attach_ms()).Key("resolve_ms").Double(state.resolve_ms()).EndObject();
}

std::string LogpointJson(const v1::LogpointState& state) {
  std::string out;
  JsonWriter json(&out);
  WriteLogpointJson(state, &json);
  return out;
}

void WriteNodeErrorsJson(const std::vector<NodeError>& errors, JsonWriter* json) {
  if (errors.empty()) return;
  json->Key("failed").BeginArray();
  for (const NodeError& each : errors) {
    json->BeginObject().Key("node").String(each.node).Key("error").String(each.error).EndObject();
  }
  json->EndArray();
}

std::string LogpointsJson(std::string_view key, const std::vector<v1::LogpointState>& states,
                          const std::vector<NodeError>& errors) {
  std::string out;
  JsonWriter json(&out);
  json.BeginObject().Key(key).BeginArray();
  for (const v1::LogpointState& state : states) WriteLogpointJson(state, &json);
  json.EndArray();
  WriteNodeErrorsJson(errors, &json);
  json.EndObject();
  return out;
}

std::string LogpointTable(const std::vector<v1::LogpointState>& states, bool hosts) {
  std::vector<std::vector<std::string>> rows = {
      {"ID", "STATE", "LOCATION", "TARGET", "SITES", "HITS", "EVENTS", "FILTERED", "LIMITED", "DROPPED", "TEXT"}};
  for (const v1::LogpointState& state : states) {
    const v1::Counters& counters = state.counters();
    std::string text = state.spec().template_();
    if (text.size() > kMaxTextColumn) text = text.substr(0, kMaxTextColumn - 3) + "...";
    rows.push_back(
        {state.spec().id(), state.state(), Location(state), TargetText(state.spec().target()),
         std::to_string(state.sites()), (state.throttle_factor() > 1 ? "~" : "") + std::to_string(counters.hits()),
         std::to_string(counters.emitted()), std::to_string(counters.filtered()),
         std::to_string(counters.sampled_out() + counters.rate_limited()), std::to_string(Dropped(counters)), text});
  }
  for (size_t i = 0; hosts && i < rows.size(); ++i) {
    rows[i].insert(rows[i].begin() + 1, i == 0 ? "NODE" : states[i - 1].host());
  }
  return RenderTable(rows);
}

std::string CountersText(const v1::Counters& counters) {
  std::string out = fmt::format("{} hits = {} emitted", counters.hits(), counters.emitted());
  if (counters.filtered() != 0) out += fmt::format(" + {} filtered", counters.filtered());
  if (counters.sampled_out() != 0) out += fmt::format(" + {} sampled out", counters.sampled_out());
  if (counters.rate_limited() != 0) out += fmt::format(" + {} rate limited", counters.rate_limited());
  for (const v1::Loss& loss : counters.dropped()) out += fmt::format(" + {} dropped ({})", loss.count(), loss.reason());
  return out;
}

std::string SummaryText(const v1::LogpointState& state) {
  const std::string reason = state.reason().empty() ? "" : fmt::format(" ({})", state.reason());
  const char* part = state.throttle_factor() > 1 ? "~" : "";
  return fmt::format("{} {}{}: {}{}", state.spec().id(), state.state(), reason, part, CountersText(state.counters()));
}

std::string StateText(const v1::LogpointState& state, bool hosts) {
  return (hosts ? state.host() + ": " : "") + SummaryText(state);
}

std::string FleetSummaryText(const std::vector<v1::LogpointState>& states) {
  if (states.size() == 1) return SummaryText(states.front());
  std::map<std::string, size_t> endings;
  v1::Counters sum;
  std::map<std::string, uint64_t> dropped;
  for (const v1::LogpointState& state : states) {
    const v1::Counters& counters = state.counters();
    ++endings[state.state() + " on {}" + (state.reason().empty() ? "" : " (" + state.reason() + ")")];
    sum.set_hits(sum.hits() + counters.hits());
    sum.set_emitted(sum.emitted() + counters.emitted());
    sum.set_filtered(sum.filtered() + counters.filtered());
    sum.set_sampled_out(sum.sampled_out() + counters.sampled_out());
    sum.set_rate_limited(sum.rate_limited() + counters.rate_limited());
    for (const v1::Loss& loss : counters.dropped()) dropped[loss.reason()] += loss.count();
  }
  for (const auto& [reason, count] : dropped) {
    v1::Loss* loss = sum.add_dropped();
    loss->set_reason(reason);
    loss->set_count(count);
  }
  std::vector<std::string> parts;
  for (const auto& [ending, count] : endings) {
    std::string part = ending;
    part.replace(part.find("{}"), 2, std::to_string(count));
    parts.push_back(std::move(part));
  }
  return fmt::format("{} on {} nodes: {}: {}", states.empty() ? "" : states.front().spec().id(), states.size(),
                     fmt::join(parts, ", "), CountersText(sum));
}

std::string DescribeText(const v1::DescribeResponse& description, bool hosts) {
  const v1::LogpointState& state = description.logpoint();
  const v1::LogpointSpec& spec = state.spec();
  std::string out = StateText(state, hosts) + "\n";
  if (!spec.name().empty()) out += fmt::format("name       {}\n", spec.name());
  out += fmt::format("text       {}\n", spec.template_());
  if (!spec.condition().empty()) out += fmt::format("condition  {}\n", spec.condition());
  out += fmt::format("target     {}\n", TargetText(spec.target()));
  if (!state.container_id().empty()) out += fmt::format("container  {}\n", state.container_id());
  if (!state.pod_uid().empty()) out += fmt::format("pod uid    {}\n", state.pod_uid());
  out += fmt::format("level      {}\n", format::LevelName(spec.level()));
  for (const std::string& tag : spec.tags()) out += fmt::format("tag        {}\n", tag);
  out += fmt::format("limits     {}\n", LimitsText(spec.limits()));
  out += fmt::format("created    {}\n", LocalTime(state.created_unix_ns()));
  out += fmt::format("since      {}\n", LocalTime(state.since_unix_ns()));
  out += fmt::format("captured   {} bytes\n", state.counters().captured_bytes());
  out += fmt::format("overhead   {:.3g}% of a core", 100 * state.overhead_ratio());
  if (state.throttle_factor() > 1) {
    out += fmt::format("; the probe is on for a part of the time: each event stands for about {:.3g}",
                       state.throttle_factor());
  }
  out += "\n";
  out += fmt::format("took       resolve {:.1f} ms, attach {:.1f} ms\n", state.resolve_ms(), state.attach_ms());
  // Warnings of the plan are among the logpoint's.
  v1::ResolvedLogpoint resolved = description.resolved();
  *resolved.mutable_warnings() = state.warnings();
  return Harmless(out) + ExplainText(resolved);
}

std::string DescribeJson(const v1::DescribeResponse& description) {
  std::string out;
  JsonWriter json(&out);
  json.BeginObject().Key("logpoint");
  WriteLogpointJson(description.logpoint(), &json);
  // The document of `explain`, as it stands.
  return out + ",\"resolved\":" + ExplainJson(description.resolved()) + "}";
}

}  // namespace dlog::cli
