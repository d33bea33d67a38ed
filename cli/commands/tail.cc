// SPDX-License-Identifier: Apache-2.0
//
// dlogctl tail: follows the events of logpoints that exist.
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "cli/client/interrupt.h"
#include "cli/context.h"
#include "cli/exit_status.h"
#include "cli/render/event_printer.h"
#include "cli/render/logpoint.h"
#include "daemon/control/grpc_status.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::cli {
namespace {

int RunTail(const std::vector<std::string>& ids, const Context& global) {
  Interrupt interrupt;
  auto client = Client::Connect(global.client);
  if (!client.ok()) return Report(client.status());
  if ((*client)->embedded()) {
    return Report(WithHint(absl::FailedPreconditionError("no dlogd is running, so there is nothing to follow"),
                           "start dlogd, or add a log line with `dlogctl log`, which follows it"));
  }
  grpc::ClientContext context;
  v1::StreamRequest request;
  for (const std::string& id : ids) request.add_ids(id);
  auto reader = (*client)->stub().Stream(&context, request);
  interrupt.OnSignal([&context] { context.TryCancel(); });

  EventPrinter printer(global.json);
  v1::StreamItem item;
  bool reader_gone = false;
  while (!reader_gone && reader->Read(&item)) {
    if (item.has_event()) reader_gone = !printer.Print(item.event());
    if (item.dropped() != 0) Note(fmt::format("{} events are missing here: this reader is too slow", item.dropped()));
    if (item.has_ended()) Note(SummaryText(item.ended()));
  }
  if (reader_gone) context.TryCancel();
  interrupt.OnSignal(nullptr);
  const absl::Status status = daemon::FromGrpc(reader->Finish(), context);
  if (status.ok() || reader_gone || interrupt.seen()) return kDone;
  return Report(status);
}

}  // namespace

void AddTailCommand(CLI::App* app, Context* context) {
  auto ids = std::make_shared<std::vector<std::string>>();
  CLI::App* command = app->add_subcommand("tail", "follow the events of logpoints");
  command->add_option("ID", *ids, "logpoints; all when none is named");
  command->callback([ids, context] { context->run = [ids, context] { return RunTail(*ids, *context); }; });
}

}  // namespace dlog::cli
