// SPDX-License-Identifier: Apache-2.0
//
// dlogctl log: adds a dynamic log line and follows it until Ctrl-C or its end.
#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "cli/client/interrupt.h"
#include "cli/context.h"
#include "cli/exit_status.h"
#include "cli/options.h"
#include "cli/render/event_printer.h"
#include "cli/render/logpoint.h"
#include "cli/render/output.h"
#include "cli/source_file.h"
#include "daemon/control/grpc_status.h"
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

void NoteWarnings(const v1::LogpointState& state) {
  for (const std::string& warning : state.warnings()) Note("warning: " + warning);
  const SourceComparison source = CompareSource(state.source_md5(), state.file(), state.spec().location());
  if (source.verdict == v1::CHECKSUM_DIFFERS) Note("warning: " + DifferenceText(source));
}

void NoteStart(const v1::LogpointState& state) {
  NoteWarnings(state);
  if (state.state() == "pending") {
    Note(fmt::format("{} waits: {}", state.spec().id(), state.reason()));
    return;
  }
  Note(fmt::format("{} logs at {}:{} ({} {})", state.spec().id(), state.file(), state.line(), state.sites(),
                   state.sites() == 1 ? "site" : "sites"));
}

int ExitStatusOf(const v1::LogpointState& state) {
  if (state.state() == "failed") return kFailed;
  return state.sites_refused() > 0 ? kPartial : kDone;
}

// Prints the stream of the logpoint until it has ended; then its account.
int Follow(Client* client, Interrupt* interrupt, const v1::LogpointState& added, bool json) {
  const std::string id = added.spec().id();
  const auto remove = [client, id] {
    v1::RemoveRequest request;
    v1::RemoveResponse response;
    request.add_ids(id);
    // When this fails the stream fails too, and the daemon removes the logpoint with it.
    (void)client->Call(
        [&](grpc::ClientContext* context) { return client->stub().Remove(context, request, &response); });
  };
  grpc::ClientContext context;
  v1::StreamRequest request;
  request.add_ids(id);
  auto reader = client->stub().Stream(&context, request);
  // Removing, not cancelling: the stream then still brings what was on its way, and the final account.
  interrupt->OnSignal(remove);

  EventPrinter printer(json);
  v1::StreamItem item;
  v1::LogpointState ended = added;
  bool has_ended = false, reader_gone = false;
  while (reader->Read(&item)) {
    if (item.has_event() && !reader_gone && !printer.Print(item.event())) {
      reader_gone = true;
      context.TryCancel();
    }
    if (item.dropped() != 0 && !reader_gone) {
      Note(fmt::format("{} events are missing here: this reader is too slow", item.dropped()));
    }
    if (item.has_ended()) {
      ended = item.ended();
      has_ended = true;
    }
  }
  interrupt->OnSignal(nullptr);
  const absl::Status status = daemon::FromGrpc(reader->Finish(), context);
  if (reader_gone) return kDone;  // `dlogctl log ... | head`: no more is wanted
  // A Ctrl-C that came before the stream was open has removed the logpoint already.
  if (!has_ended && interrupt->seen()) return kDone;
  if (!status.ok()) return Report(status);
  Note(SummaryText(ended));
  return ExitStatusOf(ended);
}

int RunLog(const LogOptions& options, const Context& global) {
  auto request = MakeRequest(options);
  if (!request.ok()) return Report(request.status());
  Interrupt interrupt;
  auto client = Client::Connect(global.client);
  if (!client.ok()) return Report(client.status());
  if (options.detach && (*client)->embedded()) {
    return Report(
        WithHint(absl::FailedPreconditionError("--detach leaves the logpoint with a daemon, and none is running"),
                 "start dlogd, or leave --detach out"));
  }
  v1::AddResponse response;
  grpc::ClientContext context;
  interrupt.OnSignal([&context] { context.TryCancel(); });
  const absl::Status status = daemon::FromGrpc((*client)->stub().Add(&context, *request, &response), context);
  interrupt.OnSignal(nullptr);
  if (!status.ok()) return interrupt.seen() ? kDone : Report(status);
  const v1::LogpointState& state = response.logpoint();
  if (options.detach) {
    NoteWarnings(state);
    const bool waits = state.state() == "pending";
    WriteOut(global.json ? LogpointJson(state) + "\n"
             : waits     ? fmt::format("{} waits: {}\n", state.spec().id(), Harmless(state.reason()))
                         : fmt::format("{} logs at {}:{}\n", state.spec().id(), Harmless(state.file()), state.line()));
    return ExitStatusOf(state);
  }
  NoteStart(state);
  return Follow(client->get(), &interrupt, state, global.json);
}

}  // namespace

void AddLogCommand(CLI::App* app, Context* context) {
  auto options = std::make_shared<LogOptions>();
  CLI::App* command = app->add_subcommand("log", "add a log line to a running program and follow it");
  options->target.AddTo(command, /*offline_allowed=*/false);
  options->instrument.AddTo(command);
  command->add_option("LOCATION", options->location, "FILE:LINE or function:NAME");
  CLI::Option* text = command->add_option("TEXT", options->text, "'text {expr} {expr:fmt}'");
  command->add_option("--plan", options->plan_file, "plan made by `dlogctl resolve`, in place of LOCATION and TEXT");
  command->add_flag("--detach", options->detach, "leave it with the daemon and return");
  command->callback([options, text, context] {
    options->has_text = text->count() > 0;
    context->run = [options, context] { return RunLog(*options, *context); };
  });
}

}  // namespace dlog::cli
