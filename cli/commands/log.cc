// SPDX-License-Identifier: Apache-2.0
//
// dlogctl log: adds a dynamic log line, on one node or all of a fleet, and follows it until Ctrl-C or its end.
#include <fmt/format.h>

#include <deque>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cli/client/fleet_add.h"
#include "cli/client/interrupt.h"
#include "cli/client/merged_stream.h"
#include "cli/commands/showing.h"
#include "cli/context.h"
#include "cli/exit_status.h"
#include "cli/options.h"
#include "cli/render/event_printer.h"
#include "cli/render/logpoint.h"
#include "cli/render/output.h"
#include "cli/source_file.h"
#include "daemon/base/mutex.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::cli {
namespace {

struct LogOptions {
  TargetOptions target;
  InstrumentOptions instrument;
  std::string location;
  std::string text;
  bool has_text = false;
  std::string plan_file;
  bool detach = false;
};

absl::Status Usage(const std::string& what) {
  return WithExitStatus(WithHint(absl::InvalidArgumentError(what), "`dlogctl log --help` shows the arguments"),
                        kWrongUsage);
}

absl::StatusOr<v1::ResolvedLogpoint> ReadPlan(const std::string& path) {
  constexpr char kHint[] = "make it with `dlogctl resolve --binary FILE LOCATION TEXT > plan`";
  std::ifstream file(path, std::ios::binary);
  if (!file) return WithHint(absl::NotFoundError(fmt::format("cannot read the plan {}", path)), kHint);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  v1::ResolvedLogpoint plan;
  if (bytes.empty() || !plan.ParseFromString(bytes)) {
    return WithHint(absl::DataLossError(fmt::format("{} is not a plan, or is damaged", path)), kHint);
  }
  return plan;
}

absl::StatusOr<v1::AddRequest> MakeRequest(const LogOptions& options) {
  v1::AddRequest request;
  v1::LogpointSpec* spec = request.mutable_spec();
  if (auto status = options.target.Fill(spec->mutable_target()); !status.ok()) {
    return Usage(std::string(status.message()));
  }
  if (auto status = options.instrument.Fill(spec); !status.ok()) return Usage(std::string(status.message()));
  if (!options.plan_file.empty()) {
    if (!options.location.empty() || options.has_text || !options.instrument.condition.empty()) {
      return Usage("a plan has its location, text and condition: --plan goes without them");
    }
    auto plan = ReadPlan(options.plan_file);
    if (!plan.ok()) return plan.status();
    *request.mutable_plan() = *std::move(plan);
  } else {
    if (options.location.empty() || !options.has_text) return Usage("LOCATION and TEXT are required");
    spec->set_location(options.location);
    spec->set_template_(options.text);
  }
  request.set_remove_on_disconnect(!options.detach);
  // A process of that name may come later; a file or a number that does not exist is rather a mistake.
  request.set_allow_pending(!options.target.selectors.empty() && options.target.pid == 0);
  return request;
}

void NoteWarnings(const std::vector<v1::LogpointState>& states) {
  std::set<std::string> warnings;  // many nodes warn of the same
  for (const v1::LogpointState& state : states) {
    for (const std::string& warning : state.warnings()) warnings.insert(warning);
    const SourceComparison source = CompareSource(state.source_md5(), state.file(), state.spec().location());
    if (source.verdict == v1::CHECKSUM_DIFFERS) warnings.insert(DifferenceText(source));
  }
  for (const std::string& warning : warnings) Note("warning: " + warning);
}

// "lp-3 logs at order.cc:42 (2 sites)", "lp-3 waits: no process is named shopd"; for a fleet on how many nodes.
std::vector<std::string> StartLines(const FleetAdded& added, const std::vector<v1::LogpointState>& states, bool single,
                                    bool detach) {
  std::map<std::string, std::pair<size_t, uint32_t>> lines;  // -> nodes, sites
  for (const v1::LogpointState& state : states) {
    auto& [nodes, sites] = lines[state.state() == "pending"
                                     ? fmt::format("{} waits: {}", state.spec().id(), state.reason())
                                     : fmt::format("{} logs at {}:{}", state.spec().id(), state.file(), state.line())];
    ++nodes;
    sites += state.sites();
  }
  std::vector<std::string> out;
  for (const auto& [line, count] : lines) {
    const auto [nodes, sites] = count;
    const std::string on_sites = fmt::format("{} {}", sites, sites == 1 ? "site" : "sites");
    if (single) {
      out.push_back(sites == 0 || detach ? line : fmt::format("{} ({})", line, on_sites));
    } else {
      out.push_back(fmt::format("{} on {} {}{}", line, nodes, nodes == 1 ? "node" : "nodes",
                                sites == 0 ? "" : fmt::format(" ({})", on_sites)));
    }
  }
  if (!single) {
    out.push_back(fmt::format("resolved on {} {}", added.resolved_by, added.resolved_by == 1 ? "node" : "nodes"));
  }
  return out;
}

int ExitStatusOf(const v1::LogpointState& state) {
  if (state.state() == "failed") return kFailed;
  return state.sites_refused() > 0 ? kPartial : kDone;
}

// Of all nodes together: the first trouble decides, and some nodes without the logpoint are a partial success.
int ExitStatusOf(const std::vector<v1::LogpointState>& states, int nodes_status) {
  int status = nodes_status;
  for (const v1::LogpointState& state : states) {
    if (const int own = ExitStatusOf(state); own != kDone && status == kDone) status = own;
  }
  return status;
}

// What has been added, and where.
struct Added {
  std::string id;
  std::vector<size_t> nodes;
  std::vector<v1::LogpointState> states;  // of those nodes
  int status = kDone;                     // of adding
};

void RemoveEverywhere(const Fleet& fleet, const Added& added) {
  std::vector<absl::Status> outcomes(fleet.size());
  fleet.ForSome(
      added.nodes,
      [&](size_t, Client& node) {
        v1::RemoveRequest request;
        v1::RemoveResponse response;
        request.add_ids(added.id);
        return node.Call([&](grpc::ClientContext* context) { return node.stub().Remove(context, request, &response); });
      },
      &outcomes);
  // Where this fails the stream fails too, and the daemon removes the logpoint with it.
}

// Prints the streams of the logpoint until they have ended; then its account.
int Follow(const Fleet& fleet, Interrupt* interrupt, const Added& added, bool json) {
  MergedStream stream(fleet, added.nodes, {added.id});
  // Removing, not cancelling: the stream then still brings what was on its way, and the final account.
  interrupt->OnSignal([&] { RemoveEverywhere(fleet, added); });

  EventPrinter printer(json, /*hosts=*/!fleet.single());
  NodeItem item;
  std::map<size_t, v1::LogpointState> ended;
  bool reader_gone = false;
  while (stream.Next(&item)) {
    if (item.item.has_event() && !reader_gone && !printer.Print(item.item.event(), item.more)) {
      reader_gone = true;
      stream.Cancel();
    }
    if (item.item.dropped() != 0 && !reader_gone) NoteDropped(fleet, item);
    if (!item.broken.ok() && !reader_gone) NoteBroken(fleet, item);
    if (item.item.has_ended()) ended[item.node] = item.item.ended();
  }
  interrupt->OnSignal(nullptr);
  std::vector<absl::Status> outcomes = stream.Finish();
  if (reader_gone) return kDone;  // `dlogctl log ... | head`: no more is wanted
  // A Ctrl-C that came before the stream was open has removed the logpoint already.
  for (size_t i = 0; i < outcomes.size(); ++i) {
    if (interrupt->seen() && ended.count(i) == 0) outcomes[i] = absl::OkStatus();
  }
  const int status = ReportNodes(fleet, outcomes);
  std::vector<v1::LogpointState> states = added.states;
  if (!ended.empty()) states.clear();
  for (const auto& [node, state] : ended) states.push_back(state);
  if (status == kDone || !fleet.single()) {
    if (!ended.empty() || !interrupt->seen()) Note(FleetSummaryText(states));
  }
  return ExitStatusOf(states, added.status != kDone ? added.status : status);
}

// Adds on all nodes; tells what did not work.
Added AddAndTell(const Fleet& fleet, Interrupt* interrupt, const v1::AddRequest& request, FleetAdded* outcome) {
  std::deque<grpc::ClientContext> contexts;
  Mutex mutex;
  bool cancelled = false;
  interrupt->OnSignal([&] {
    MutexLock lock(&mutex);
    cancelled = true;
    for (grpc::ClientContext& context : contexts) context.TryCancel();
  });
  *outcome = AddEverywhere(fleet, fleet.all(), request, [&](size_t) {
    MutexLock lock(&mutex);
    contexts.emplace_back();
    if (cancelled) contexts.back().TryCancel();
    return &contexts.back();
  });
  interrupt->OnSignal(nullptr);
  Added added;
  for (size_t i = 0; i < outcome->outcomes.size(); ++i) {
    if (!outcome->outcomes[i].ok()) continue;
    added.nodes.push_back(i);
    added.states.push_back(outcome->logpoints[i]);
    added.id = outcome->logpoints[i].spec().id();
  }
  if (interrupt->seen()) {
    RemoveEverywhere(fleet, added);  // where it was too late to cancel
    return {};
  }
  added.status = ReportNodes(fleet, outcome->outcomes);
  return added;
}

int RunLog(const LogOptions& options, const Context& global) {
  auto request = MakeRequest(options);
  if (!request.ok()) return Report(request.status());
  Interrupt interrupt;
  auto fleet = Fleet::Connect(global.client);
  if (!fleet.ok()) return Report(fleet.status());
  if (options.detach && fleet->embedded()) {
    return Report(
        WithHint(absl::FailedPreconditionError("--detach leaves the logpoint with a daemon, and none is running"),
                 "start dlogd, or leave --detach out"));
  }
  if (!fleet->single() && options.target.pid != 0) {
    return Report(Usage("-p names a process of one node, and --server names several"));
  }
  FleetAdded outcome;
  const Added added = AddAndTell(*fleet, &interrupt, *request, &outcome);
  if (added.nodes.empty()) return interrupt.seen() ? kDone : added.status;
  NoteWarnings(added.states);
  const std::vector<std::string> lines = StartLines(outcome, added.states, fleet->single(), options.detach);
  if (options.detach) {
    std::string text;
    if (global.json) {
      text = (fleet->single() ? LogpointJson(added.states.front()) : LogpointsJson("logpoints", added.states)) + "\n";
    } else {
      for (const std::string& line : lines) text += Harmless(line) + "\n";
    }
    WriteOut(text);
    return ExitStatusOf(added.states, added.status);
  }
  for (const std::string& line : lines) Note(line);
  return Follow(*fleet, &interrupt, added, global.json);
}

}  // namespace

void AddLogCommand(CLI::App* app, Context* context) {
  auto options = std::make_shared<LogOptions>();
  CLI::App* command = app->add_subcommand("log", "add a log line to a running program and follow it");
  options->target.AddTo(command, /*offline_allowed=*/false);
  options->instrument.AddTo(command);
  command->add_option("LOCATION", options->location, "FILE:LINE, function:NAME or return:NAME");
  CLI::Option* text = AddText(command, &options->text);
  command->add_option("--plan", options->plan_file, "plan made by `dlogctl resolve`, in place of LOCATION and TEXT");
  command->add_flag("--detach", options->detach, "leave it with the daemon and return");
  command->callback([options, text, context] {
    options->has_text = text->count() > 0;
    context->run = [options, context] { return RunLog(*options, *context); };
  });
}

}  // namespace dlog::cli
