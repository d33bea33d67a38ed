// SPDX-License-Identifier: Apache-2.0
//
// dlogctl top: what the live logpoints do right now, per second, on one node or on all.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cli/client/interrupt.h"
#include "cli/commands/showing.h"
#include "cli/context.h"
#include "cli/exit_status.h"
#include "cli/render/logpoint.h"
#include "cli/render/output.h"
#include "daemon/base/boot_time.h"
#include "daemon/config/values.h"
#include "daemon/format/json_writer.h"

namespace dlog::cli {
namespace {

constexpr absl::Duration kLeastPatience = absl::Seconds(2);

struct TopOptions {
  std::string interval = "1s";
  uint32_t count = 0;  // 0: until Ctrl-C
};

struct Sample {
  absl::Time time;
  std::map<std::pair<size_t, std::string>, v1::LogpointState> logpoints;  // by node and id
  std::vector<absl::Status> outcomes;                                     // by node
};

// One row of the table: changes per second between two looks.
struct Row {
  const v1::LogpointState* state = nullptr;
  double hits = 0, events = 0, held = 0, dropped = 0, bytes = 0;
};

uint64_t DroppedOf(const v1::Counters& counters) {
  uint64_t sum = 0;
  for (const v1::Loss& loss : counters.dropped()) sum += loss.count();
  return sum;
}

uint64_t HeldOf(const v1::Counters& counters) {
  return counters.filtered() + counters.sampled_out() + counters.rate_limited();
}

std::vector<Row> Rows(const Sample& before, const Sample& now) {
  const double seconds = std::max(absl::ToDoubleSeconds(now.time - before.time), 1e-3);
  std::vector<Row> rows;
  for (const auto& [key, state] : now.logpoints) {
    const auto old = before.logpoints.find(key);
    if (old == before.logpoints.end()) continue;  // no rate yet
    const v1::Counters& a = old->second.counters();
    const v1::Counters& b = state.counters();
    const auto rate = [seconds](uint64_t from, uint64_t to) {
      return to > from ? static_cast<double>(to - from) / seconds : 0;
    };
    rows.push_back({&state, rate(a.hits(), b.hits()), rate(a.emitted(), b.emitted()), rate(HeldOf(a), HeldOf(b)),
                    rate(DroppedOf(a), DroppedOf(b)), rate(a.captured_bytes(), b.captured_bytes())});
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.hits > b.hits; });
  return rows;
}

std::string RowsText(const std::vector<Row>& rows, bool hosts) {
  std::vector<std::vector<std::string>> table = {
      {"ID", "STATE", "HITS/s", "EVENTS/s", "HELD BACK/s", "DROPPED/s", "BYTES/s", "TARGET", "TEXT"}};
  if (hosts) table[0].insert(table[0].begin() + 1, "NODE");
  const auto number = [](double value) { return fmt::format("{:.0f}", value); };
  for (const Row& row : rows) {
    table.push_back({row.state->spec().id(), row.state->state(), number(row.hits), number(row.events), number(row.held),
                     number(row.dropped), number(row.bytes), TargetText(row.state->spec().target()),
                     row.state->spec().template_()});
    if (hosts) table.back().insert(table.back().begin() + 1, row.state->host());
  }
  return RenderTable(table);
}

std::string RowsJson(const std::vector<Row>& rows, const std::vector<NodeError>& errors) {
  std::string out;
  format::JsonWriter json(&out);
  json.BeginObject().Key("logpoints").BeginArray();
  for (const Row& row : rows) {
    json.BeginObject().Key("id").String(row.state->spec().id()).Key("state").String(row.state->state());
    json.Key("host").String(row.state->host());
    json.Key("hits_per_second").Double(row.hits).Key("events_per_second").Double(row.events);
    json.Key("held_back_per_second").Double(row.held).Key("dropped_per_second").Double(row.dropped);
    json.Key("bytes_per_second").Double(row.bytes).EndObject();
  }
  json.EndArray();
  WriteNodeErrorsJson(errors, &json);
  json.EndObject();
  return out + "\n";
}

Sample Look(const Fleet& fleet, absl::Duration patience) {
  Sample sample;
  std::vector<v1::ListResponse> answers = ListByNode(fleet, &sample.outcomes, patience);
  sample.time = BootTime();
  for (size_t i = 0; i < answers.size(); ++i) {
    for (v1::LogpointState& state : *answers[i].mutable_logpoints()) {
      const std::string id = state.spec().id();
      sample.logpoints[{i, id}] = std::move(state);
    }
  }
  return sample;
}

int RunTop(const TopOptions& options, const Context& global) {
  const auto interval = ParseDurationMs(options.interval);
  if (!interval.ok()) return Report(WithExitStatus(interval.status(), kWrongUsage));
  Interrupt interrupt;
  auto fleet = Fleet::Connect(global.client);
  if (!fleet.ok()) return Report(fleet.status());
  // A node that does not answer does not hold up the others' rows for long.
  const absl::Duration patience = std::max(absl::Milliseconds(*interval), kLeastPatience);
  Sample before = Look(*fleet, patience);
  std::vector<NodeError> errors = ErrorsOf(*fleet, before.outcomes);
  int status = ReportNodes(*fleet, before.outcomes);
  for (uint32_t n = 0; errors.size() < fleet->size() && (options.count == 0 || n < options.count); ++n) {
    const absl::Time until = BootTime() + absl::Milliseconds(*interval);
    while (BootTime() < until && !interrupt.seen()) absl::SleepFor(absl::Milliseconds(20));
    if (interrupt.seen()) return status;
    Sample now = Look(*fleet, patience);
    const size_t failed_before = errors.size();
    errors = ErrorsOf(*fleet, now.outcomes);
    const std::vector<Row> rows = Rows(before, now);
    const std::string clear = isatty(STDOUT_FILENO) != 0 ? "\x1b[H\x1b[2J" : "";
    if (errors.size() < fleet->size() &&
        !WriteOut(global.json ? RowsJson(rows, errors) : clear + RowsText(rows, !fleet->single()))) {
      return kDone;
    }
    // Told once, and at the end as the exit status.
    if (errors.size() != failed_before) status = ReportNodes(*fleet, now.outcomes);
    before = std::move(now);
  }
  return status;
}

}  // namespace

void AddTopCommand(CLI::App* app, Context* context) {
  auto options = std::make_shared<TopOptions>();
  CLI::App* command = app->add_subcommand("top", "show what the logpoints do right now, until Ctrl-C");
  command->add_option("--interval", options->interval, "between two looks (default 1s)");
  command->add_option("--count", options->count, "end after so many tables");
  command->callback([options, context] { context->run = [options, context] { return RunTop(*options, *context); }; });
}

}  // namespace dlog::cli
