// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/explaining.h"

#include <fmt/format.h>

#include <utility>

#include "cli/client/offline.h"
#include "cli/exit_status.h"
#include "cli/render/explain.h"
#include "cli/render/output.h"
#include "cli/source_file.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::cli {
namespace {

absl::StatusOr<v1::ResolvedLogpoint> AskDaemon(v1::LogpointSpec spec, bool all_variables, const Context& global) {
  auto client = Client::Connect(global.client);
  if (!client.ok()) return client.status();
  v1::ExplainRequest request;
  v1::ExplainResponse response;
  *request.mutable_spec() = std::move(spec);
  request.set_all_variables(all_variables);
  absl::Status status = (*client)->Call(
      [&](grpc::ClientContext* context) { return (*client)->stub().Explain(context, request, &response); });
  if (!status.ok()) return status;
  return std::move(*response.mutable_resolved());
}

// Said beside the object where none of the sites can carry a probe: `log` would end like this.
absl::Status NoUsableSite(const v1::ResolvedLogpoint& resolved, bool all_variables) {
  std::string why = "it has no address in the program";
  if (!resolved.refused().empty()) {
    const v1::RefusedSite& first = resolved.refused(0);
    why = fmt::format("'{}' at {:#x}: {}", first.instruction(), first.statement_address(), first.reason());
  }
  return WithHint(
      absl::FailedPreconditionError(
          fmt::format("{}:{} cannot carry a probe: {}", resolved.file(), resolved.line(), why)),
      all_variables ? "a text with fewer values may be possible (dlogctl explain tells), or choose a neighbouring line"
                    : "choose a neighbouring line (dlogctl lines shows which ones can carry a logpoint)");
}

}  // namespace

int ReportUsage(const absl::Status& status, const std::string& command) {
  return Report(
      WithExitStatus(WithHint(status, fmt::format("`dlogctl {} --help` shows the arguments", command)), kWrongUsage));
}

int RunExplain(const TargetOptions& target, v1::LogpointSpec spec, bool all_variables, const Context& global) {
  if (auto status = target.Fill(spec.mutable_target()); !status.ok()) {
    return ReportUsage(status, all_variables ? "vars" : "explain");
  }
  const std::string location = spec.location();
  auto resolved = target.offline() ? ExplainOffline(std::move(spec), all_variables, global.client.visualizers)
                                   : AskDaemon(std::move(spec), all_variables, global);
  if (!resolved.ok()) return Report(resolved.status());
  const SourceComparison source = CompareSource(resolved->binary().source_md5(), resolved->file(), location);
  resolved->mutable_binary()->set_source_checksum(source.verdict);
  if (source.verdict == v1::CHECKSUM_DIFFERS) resolved->add_warnings(DifferenceText(source));
  WriteOut(global.json ? ExplainJson(*resolved, all_variables) + "\n" : ExplainText(*resolved, all_variables));
  return resolved->statements().empty() ? Report(NoUsableSite(*resolved, all_variables)) : kDone;
}

}  // namespace dlog::cli
