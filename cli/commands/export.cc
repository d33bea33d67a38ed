// SPDX-License-Identifier: Apache-2.0
//
// dlogctl export: the logpoints of one node or of all as YAML documents, as `apply` reads them.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands/showing.h"
#include "cli/context.h"
#include "cli/documents.h"
#include "cli/exit_status.h"
#include "cli/render/output.h"

namespace dlog::cli {
namespace {

// A logpoint's name -> its document -> the nodes that have it so; the first one that was met in front.
using Documents = std::map<std::string, std::vector<std::pair<std::string, std::vector<std::string>>>>;

Documents DocumentsOf(const Fleet& fleet, const std::vector<v1::ListResponse>& answers) {
  Documents out;
  for (size_t i = 0; i < answers.size(); ++i) {
    for (const v1::LogpointState& state : answers[i].logpoints()) {
      if (!IsLive(state)) continue;
      auto& variants = out[DocumentName(state.spec())];
      const std::string text = WriteDocument(state.spec());
      auto known = std::find_if(variants.begin(), variants.end(), [&](const auto& each) { return each.first == text; });
      if (known == variants.end()) known = variants.insert(variants.end(), {text, {}});
      known->second.push_back(fleet.name(i));
    }
  }
  return out;
}

int RunExport(const Context& global) {
  auto fleet = Fleet::Connect(global.client);
  if (!fleet.ok()) return Report(fleet.status());
  std::vector<absl::Status> outcomes;
  const std::vector<v1::ListResponse> answers = ListByNode(*fleet, &outcomes);
  std::string text;
  bool differs = false;
  for (const auto& [name, variants] : DocumentsOf(*fleet, answers)) {
    text += (text.empty() ? "" : "---\n") + variants.front().first;
    for (size_t n = 1; n < variants.size(); ++n) {
      differs = true;
      Note(fmt::format("{} is another logpoint on {} than on {}: the document is that of the latter", name,
                       NamesText(variants[n].second), NamesText(variants.front().second)));
    }
  }
  WriteOut(text);
  const int status = ReportNodes(*fleet, outcomes);
  return status == kDone && differs ? static_cast<int>(kPartial) : status;
}

}  // namespace

void AddExportCommand(CLI::App* app, Context* context) {
  app->add_subcommand("export", "print the logpoints as YAML documents for apply")->callback([context] {
    context->run = [context] { return RunExport(*context); };
  });
}

}  // namespace dlog::cli
