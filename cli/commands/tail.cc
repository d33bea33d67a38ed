// SPDX-License-Identifier: Apache-2.0
//
// dlogctl tail: follows the events of logpoints that exist, on all nodes.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "cli/client/fleet.h"
#include "cli/client/interrupt.h"
#include "cli/client/merged_stream.h"
#include "cli/commands/showing.h"
#include "cli/context.h"
#include "cli/exit_status.h"
#include "cli/render/event_printer.h"
#include "cli/render/logpoint.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::cli {
namespace {

// Which nodes have one of `ids`; all of them when none is named, or when there is one node: it may say that it has not.
absl::StatusOr<std::vector<size_t>> NodesWith(const Fleet& fleet, const std::vector<std::string>& ids,
                                              std::vector<absl::Status>* outcomes) {
  std::vector<std::vector<std::string>> found(fleet.size());
  *outcomes = std::vector<absl::Status>(fleet.size());
  if (!fleet.single()) {
    *outcomes = fleet.ForEach([&](size_t i, Client& node) {
      v1::ListResponse response;
      absl::Status status = node.Call(
          [&](grpc::ClientContext* context) { return node.stub().List(context, v1::ListRequest(), &response); });
      for (const v1::LogpointState& state : response.logpoints()) found[i].push_back(state.spec().id());
      return status;
    });
  }
  std::vector<size_t> nodes;
  for (size_t i = 0; i < fleet.size(); ++i) {
    const bool has_all = std::all_of(ids.begin(), ids.end(), [&](const std::string& id) {
      return std::find(found[i].begin(), found[i].end(), id) != found[i].end();
    });
    if ((*outcomes)[i].ok() && (fleet.single() || has_all)) nodes.push_back(i);
  }
  const bool reached =
      std::any_of(outcomes->begin(), outcomes->end(), [](const absl::Status& status) { return status.ok(); });
  if (nodes.empty() && reached) {
    return WithHint(absl::NotFoundError(fmt::format("no node has {}", fmt::join(ids, " and "))),
                    "`dlogctl ls` lists the logpoints");
  }
  return nodes;
}

int RunTail(const std::vector<std::string>& ids, const Context& global) {
  Interrupt interrupt;
  auto fleet = Fleet::Connect(global.client);
  if (!fleet.ok()) return Report(fleet.status());
  if (fleet->single() && fleet->node(0).embedded()) {
    return Report(WithHint(absl::FailedPreconditionError("no dlogd is running, so there is nothing to follow"),
                           "start dlogd, or add a log line with `dlogctl log`, which follows it"));
  }
  std::vector<absl::Status> outcomes;
  auto nodes = NodesWith(*fleet, ids, &outcomes);
  if (!nodes.ok()) return Report(nodes.status());
  const int reached = ReportNodes(*fleet, outcomes);  // told now: the rest may be followed for long
  if (nodes->empty()) return reached;
  MergedStream stream(*fleet, *nodes, ids);
  interrupt.OnSignal([&stream] { stream.Cancel(); });

  EventPrinter printer(global.json, /*hosts=*/!fleet->single());
  NodeItem item;
  bool reader_gone = false;
  while (stream.Next(&item)) {
    if (reader_gone) continue;
    if (item.item.has_event() && !printer.Print(item.item.event(), item.more)) {
      reader_gone = true;
      stream.Cancel();
    }
    if (item.item.dropped() != 0) NoteDropped(*fleet, item);
    if (!item.broken.ok()) NoteBroken(*fleet, item);
    if (item.item.has_ended()) Note(StateText(item.item.ended(), !fleet->single()));
  }
  interrupt.OnSignal(nullptr);
  outcomes = stream.Finish();
  if (reader_gone || interrupt.seen()) return reached;
  const int status = ReportNodes(*fleet, outcomes);
  return reached != kDone ? reached : status;
}

}  // namespace

void AddTailCommand(CLI::App* app, Context* context) {
  auto ids = std::make_shared<std::vector<std::string>>();
  CLI::App* command = app->add_subcommand("tail", "follow the events of logpoints");
  command->add_option("ID", *ids, "logpoints; all when none is named");
  command->callback([ids, context] { context->run = [ids, context] { return RunTail(*ids, *context); }; });
}

}  // namespace dlog::cli
