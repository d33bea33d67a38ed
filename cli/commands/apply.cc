// SPDX-License-Identifier: Apache-2.0
//
// dlogctl apply: logpoints as YAML documents, on one node or on all. A document is a logpoint by its name: applied
// twice it changes nothing, and nodes that lack it get it under the id that the others have.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "cli/client/fleet_add.h"
#include "cli/commands/showing.h"
#include "cli/context.h"
#include "cli/documents.h"
#include "cli/exit_status.h"
#include "cli/render/output.h"
#include "daemon/base/mutex.h"
#include "daemon/format/json_writer.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::cli {
namespace {

// What was done with one document on one node.
struct Applied {
  std::string name, action, id, reason;
  size_t node = 0;
};

// A logpoint that was added without a name is what export has called it.
bool IsWhatWasAsked(v1::LogpointSpec existing, const v1::LogpointSpec& asked) {
  existing.set_name(DocumentName(existing));
  return SameLogpoint(std::move(existing), asked);
}

// An id that another node may be asked to use: one that a daemon has numbered by itself may not.
bool IsSharedId(const std::string& id) {
  constexpr size_t kPrefix = 3;  // "lp-"
  return id.size() > kPrefix && std::isalpha(static_cast<unsigned char>(id[kPrefix])) != 0;
}

class Applying {
 public:
  // `nodes`: those that have answered; `answers`: what they have, by node.
  Applying(const Fleet& fleet, std::vector<size_t> nodes, const std::vector<v1::ListResponse>& answers)
      : fleet_(fleet), nodes_(std::move(nodes)), existing_(fleet.size()) {
    for (const size_t i : nodes_) {
      for (const v1::LogpointState& state : answers[i].logpoints()) {
        if (IsLive(state)) existing_[i][DocumentName(state.spec())] = &state;
        if (!IsLive(state)) ended_.insert(state.spec().id());
      }
    }
  }

  void Apply(const v1::LogpointSpec& spec) {
    v1::AddRequest request;
    std::vector<size_t> changed, wanted;
    for (const size_t i : nodes_) {
      const auto found = existing_[i].find(spec.name());
      if (found != existing_[i].end() && IsWhatWasAsked(found->second->spec(), spec)) {
        const std::string& id = found->second->spec().id();
        applied_.push_back({spec.name(), "unchanged", id, found->second->reason(), i});
        if (IsSharedId(id) && ended_.count(id) == 0) request.set_id(id);
        continue;
      }
      wanted.push_back(i);
      if (found != existing_[i].end()) changed.push_back(i);
    }
    if (wanted.empty()) return;
    *request.mutable_spec() = spec;
    request.set_allow_pending(true);
    Add(request, wanted, RemoveOld(spec.name(), changed));
  }

  const std::vector<Applied>& applied() const { return applied_; }

 private:
  // A changed document cannot be attached beside the old one, which has its name: the old one goes first.
  std::vector<absl::Status> RemoveOld(const std::string& name, const std::vector<size_t>& changed) {
    std::vector<absl::Status> outcomes(fleet_.size());
    fleet_.ForSome(
        changed,
        [&](size_t i, Client& node) {
          v1::RemoveRequest request;
          v1::RemoveResponse response;
          request.add_ids(existing_[i].at(name)->spec().id());
          return node.Call(
              [&](grpc::ClientContext* context) { return node.stub().Remove(context, request, &response); });
        },
        &outcomes);
    return outcomes;
  }

  void Add(const v1::AddRequest& request, const std::vector<size_t>& wanted, const std::vector<absl::Status>& removed) {
    std::vector<size_t> nodes;
    for (const size_t i : wanted) {
      if (removed[i].ok()) nodes.push_back(i);
    }
    Mutex mutex;
    std::deque<grpc::ClientContext> contexts;
    FleetAdded added = AddEverywhere(fleet_, nodes, request, [&](size_t) {
      MutexLock lock(&mutex);
      return &contexts.emplace_back();
    });
    const std::string& name = request.spec().name();
    for (const size_t i : wanted) {
      const absl::Status& outcome = removed[i].ok() ? added.outcomes[i] : removed[i];
      if (!outcome.ok()) {
        applied_.push_back({name, "failed", "", std::string(outcome.message()), i});
        continue;
      }
      const v1::LogpointState& state = added.logpoints[i];
      applied_.push_back({name, existing_[i].count(name) == 0 ? "added" : "changed", state.spec().id(),
                          state.state() == "pending" ? "pending: " + state.reason() : "", i});
    }
  }

  const Fleet& fleet_;
  const std::vector<size_t> nodes_;
  std::vector<std::map<std::string, const v1::LogpointState*>> existing_;  // by node: name -> logpoint
  std::set<std::string> ended_;  // ids that some node still lists, and would not give again
  std::vector<Applied> applied_;
};

std::string AppliedJson(const Fleet& fleet, const std::vector<Applied>& all, const std::vector<NodeError>& errors) {
  std::string out;
  format::JsonWriter json(&out);
  json.BeginObject().Key("applied").BeginArray();
  for (const Applied& each : all) {
    json.BeginObject().Key("name").String(each.name).Key("action").String(each.action);
    if (!fleet.single()) json.Key("node").String(fleet.name(each.node));
    if (!each.id.empty()) json.Key("id").String(each.id);
    if (!each.reason.empty()) json.Key("reason").String(each.reason);
    json.EndObject();
  }
  json.EndArray();
  WriteNodeErrorsJson(errors, &json);
  json.EndObject();
  return out + "\n";
}

// One line for each document of a single node; of a fleet one for each outcome, with the nodes that had it.
std::string AppliedText(const Fleet& fleet, const std::vector<Applied>& all) {
  using Outcome = std::tuple<std::string, std::string, std::string, std::string>;
  std::vector<std::pair<Outcome, std::vector<std::string>>> lines;  // in the order of the documents
  for (const Applied& each : all) {
    const Outcome outcome{each.name, each.action, each.id, each.reason};
    auto known = std::find_if(lines.begin(), lines.end(), [&](const auto& line) { return line.first == outcome; });
    if (known == lines.end()) known = lines.insert(lines.end(), {outcome, {}});
    known->second.push_back(fleet.name(each.node));
  }
  std::string out;
  for (const auto& [outcome, nodes] : lines) {
    const auto& [name, action, id, reason] = outcome;
    const bool everywhere = nodes.size() == fleet.size();
    const std::string where =
        fleet.single() ? "" : " on " + (everywhere ? fmt::format("{} nodes", nodes.size()) : NamesText(nodes));
    out += fmt::format("{} {}{}{}{}\n", name, action, id.empty() ? "" : " " + id, where,
                       reason.empty() ? "" : ": " + reason);
  }
  return Harmless(out);
}

int RunApply(const std::string& file, const Context& global) {
  auto specs = ReadDocuments(file);
  if (!specs.ok()) {
    return Report(WithHint(specs.status(), "`dlogctl export` shows how a document looks"));
  }
  auto fleet = Fleet::Connect(global.client);
  if (!fleet.ok()) return Report(fleet.status());
  if (fleet->embedded()) {
    return Report(WithHint(absl::FailedPreconditionError("apply leaves logpoints with a daemon, and none is running"),
                           "start dlogd"));
  }
  if (!fleet->single()) {
    for (const v1::LogpointSpec& spec : *specs) {
      if (spec.target().pid() == 0) continue;
      return Report(WithHint(absl::InvalidArgumentError(fmt::format(
                                 "{}: a pid is a process of one node, and --server names several", spec.name())),
                             "name its program (exe) or a selector"));
    }
  }
  std::vector<absl::Status> outcomes;
  const std::vector<v1::ListResponse> answers = ListByNode(*fleet, &outcomes);
  std::vector<size_t> nodes;
  for (const size_t i : fleet->all()) {
    if (outcomes[i].ok()) nodes.push_back(i);
  }
  if (nodes.empty()) return ReportNodes(*fleet, outcomes);
  Applying applying(*fleet, nodes, answers);
  for (const v1::LogpointSpec& spec : *specs) applying.Apply(spec);
  const std::vector<Applied>& all = applying.applied();
  WriteOut(global.json ? AppliedJson(*fleet, all, ErrorsOf(*fleet, outcomes)) : AppliedText(*fleet, all));
  const int status = ReportNodes(*fleet, outcomes);
  const auto failed =
      std::count_if(all.begin(), all.end(), [](const Applied& each) { return each.action == "failed"; });
  if (failed == 0) return status;
  return static_cast<size_t>(failed) == all.size() ? kFailed : kPartial;
}

}  // namespace

void AddApplyCommand(CLI::App* app, Context* context) {
  auto file = std::make_shared<std::string>();
  CLI::App* apply = app->add_subcommand("apply", "add or change logpoints as YAML documents say");
  apply->add_option("-f,--file", *file, "file of documents; - is standard input")->required();
  apply->callback([file, context] { context->run = [file, context] { return RunApply(*file, *context); }; });
}

}  // namespace dlog::cli
