// SPDX-License-Identifier: Apache-2.0
//
// dlogctl apply, dlogctl export: logpoints as YAML documents. A document is a logpoint by its name: applied twice it
// changes nothing.
#include <fmt/format.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/documents.h"
#include "cli/exit_status.h"
#include "cli/render/output.h"
#include "daemon/format/json_writer.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::cli {
namespace {

bool IsLive(const v1::LogpointState& state) {
  return state.state() != "expired" && state.state() != "finished" && state.state() != "removed" &&
         state.state() != "failed";
}

absl::StatusOr<std::vector<v1::LogpointState>> LiveLogpoints(Client* client) {
  v1::ListResponse response;
  absl::Status status = client->Call(
      [&](grpc::ClientContext* context) { return client->stub().List(context, v1::ListRequest(), &response); });
  if (!status.ok()) return status;
  std::vector<v1::LogpointState> live;
  for (const v1::LogpointState& state : response.logpoints()) {
    if (IsLive(state)) live.push_back(state);
  }
  return live;
}

// What was done with one document.
struct Applied {
  std::string name, action, id, reason;
};

absl::Status Remove(Client* client, const std::string& id) {
  v1::RemoveRequest request;
  v1::RemoveResponse response;
  request.add_ids(id);
  return client->Call([&](grpc::ClientContext* context) { return client->stub().Remove(context, request, &response); });
}

// A changed document cannot be attached beside the old one, which has its name: the old one goes first.
Applied ApplyOne(Client* client, const v1::LogpointSpec& spec, const v1::LogpointState* existing) {
  Applied out{spec.name(), existing == nullptr ? "added" : "changed", "", ""};
  if (existing != nullptr && SameLogpoint(existing->spec(), spec)) {
    return {spec.name(), "unchanged", existing->spec().id(), existing->reason()};
  }
  absl::Status status = existing == nullptr ? absl::OkStatus() : Remove(client, existing->spec().id());
  v1::AddRequest request;
  v1::AddResponse response;
  *request.mutable_spec() = spec;
  request.set_allow_pending(true);
  if (status.ok()) {
    status =
        client->Call([&](grpc::ClientContext* context) { return client->stub().Add(context, request, &response); });
  }
  if (!status.ok()) return {spec.name(), "failed", "", std::string(status.message())};
  out.id = response.logpoint().spec().id();
  if (response.logpoint().state() == "pending") out.reason = "pending: " + response.logpoint().reason();
  return out;
}

std::string AppliedJson(const std::vector<Applied>& all) {
  std::string out;
  format::JsonWriter json(&out);
  json.BeginObject().Key("applied").BeginArray();
  for (const Applied& each : all) {
    json.BeginObject().Key("name").String(each.name).Key("action").String(each.action);
    if (!each.id.empty()) json.Key("id").String(each.id);
    if (!each.reason.empty()) json.Key("reason").String(each.reason);
    json.EndObject();
  }
  json.EndArray().EndObject();
  return out;
}

int RunApply(const std::string& file, const Context& global) {
  auto specs = ReadDocuments(file);
  if (!specs.ok()) {
    return Report(WithHint(specs.status(), "`dlogctl export` shows how a document looks"));
  }
  auto client = Client::Connect(global.client);
  if (!client.ok()) return Report(client.status());
  if ((*client)->embedded()) {
    return Report(WithHint(absl::FailedPreconditionError("apply leaves logpoints with a daemon, and none is running"),
                           "start dlogd"));
  }
  auto live = LiveLogpoints(client->get());
  if (!live.ok()) return Report(live.status());
  std::map<std::string, const v1::LogpointState*> by_name;
  for (const v1::LogpointState& state : *live) {
    if (!state.spec().name().empty()) by_name[state.spec().name()] = &state;
  }
  std::vector<Applied> all;
  size_t failed = 0;
  for (const v1::LogpointSpec& spec : *specs) {
    const auto existing = by_name.find(spec.name());
    all.push_back(ApplyOne(client->get(), spec, existing == by_name.end() ? nullptr : existing->second));
    failed += all.back().action == "failed" ? 1 : 0;
  }
  std::string text;
  for (const Applied& each : all) {
    text += fmt::format("{} {}{}{}\n", each.name, each.action, each.id.empty() ? "" : " " + each.id,
                        each.reason.empty() ? "" : ": " + each.reason);
  }
  WriteOut(global.json ? AppliedJson(all) + "\n" : Harmless(text));
  if (failed == 0) return kDone;
  return failed == all.size() ? kFailed : kPartial;
}

int RunExport(const Context& global) {
  auto client = Client::Connect(global.client);
  if (!client.ok()) return Report(client.status());
  auto live = LiveLogpoints(client->get());
  if (!live.ok()) return Report(live.status());
  std::string text;
  for (const v1::LogpointState& state : *live) text += (text.empty() ? "" : "---\n") + WriteDocument(state.spec());
  WriteOut(text);
  return kDone;
}

}  // namespace

void AddApplyCommands(CLI::App* app, Context* context) {
  auto file = std::make_shared<std::string>();
  CLI::App* apply = app->add_subcommand("apply", "add or change logpoints as YAML documents say");
  apply->add_option("-f,--file", *file, "file of documents; - is standard input")->required();
  apply->callback([file, context] { context->run = [file, context] { return RunApply(*file, *context); }; });
  app->add_subcommand("export", "print the logpoints as YAML documents for apply")->callback([context] {
    context->run = [context] { return RunExport(*context); };
  });
}

}  // namespace dlog::cli
