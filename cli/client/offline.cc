// SPDX-License-Identifier: Apache-2.0
#include "cli/client/offline.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "daemon/config/config.h"
#include "daemon/control/cache_directory.h"
#include "daemon/control/plan_check.h"
#include "daemon/control/policy.h"
#include "daemon/control/site_choice.h"
#include "daemon/symbolizer_client/symbolizer_client.h"
#include "daemon/symbolizer_client/user_visualizers.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::cli {
namespace {

absl::StatusOr<v1::SymbolizerResponse> Run(v1::SymbolizerRequest::Operation operation, v1::LogpointSpec spec,
                                           bool explain, const std::string& visualizers) {
  // The worker may open no directory, and would say that it lacks the privilege.
  std::error_code error;
  if (std::filesystem::is_directory(spec.target().binary_path(), error)) {
    return WithHint(absl::InvalidArgumentError(spec.target().binary_path() + " is a directory"),
                    "--binary names a program or a shared library");
  }
  std::vector<std::string> warnings;
  if (auto status = daemon::ApplyPolicy(&spec, &warnings); !status.ok()) return status;
  v1::SymbolizerRequest request;
  request.set_operation(operation);
  request.set_explain(explain);
  auto redaction = OwnRedaction();
  if (!redaction.ok()) return redaction.status();
  *request.mutable_redaction() = redaction->ToProto();
  request.set_root("/");
  request.set_cache_directory(daemon::CacheDirectory(""));
  auto* module = request.add_modules();
  module->set_open_path(spec.target().binary_path());
  module->set_display_path(spec.target().binary_path());
  *request.mutable_spec() = std::move(spec);
  auto files = daemon::ReadVisualizers(visualizers);
  if (!files.ok()) return files.status();
  request.mutable_visualizers()->Add(files->begin(), files->end());
  daemon::SymbolizerOptions options;
  options.debuginfod = daemon::Debuginfod::FromEnvironment();
  auto response = daemon::SymbolizerClient(std::move(options)).Run(request);
  if (!response.ok()) return response.status();
  for (const std::string& warning : warnings) response->mutable_resolved()->add_warnings(warning);
  return response;
}

absl::StatusOr<v1::ResolvedLogpoint> RunChecked(v1::SymbolizerRequest::Operation operation, v1::LogpointSpec spec,
                                                bool explain, const std::string& visualizers) {
  auto response = Run(operation, std::move(spec), explain, visualizers);
  if (!response.ok()) return response.status();
  if (auto status = daemon::CheckResolved(response->resolved()); !status.ok()) return status;
  return std::move(*response->mutable_resolved());
}

}  // namespace

absl::StatusOr<daemon::RedactionPolicy> OwnRedaction() {
  auto config = daemon::LoadConfig({"", {}, [](const char* name) -> const char* { return getenv(name); }});
  if (!config.ok()) return config.status();
  return daemon::RedactionPolicy{daemon::RedactionOf(*config), config->accept_plans};
}

absl::StatusOr<v1::ResolvedLogpoint> ResolveOffline(v1::LogpointSpec spec, const std::string& visualizers) {
  return RunChecked(v1::SymbolizerRequest::RESOLVE, std::move(spec), false, visualizers);
}

absl::StatusOr<v1::ResolvedLogpoint> ExplainOffline(v1::LogpointSpec spec, bool all_variables,
                                                    const std::string& visualizers) {
  const v1::SitePolicy policy = spec.site_policy();
  auto resolved = RunChecked(all_variables ? v1::SymbolizerRequest::VARIABLES : v1::SymbolizerRequest::RESOLVE,
                             std::move(spec), true, visualizers);
  if (resolved.ok()) daemon::KeepChosen(daemon::ChooseSites(*resolved, {policy, false}), &*resolved);
  return resolved;
}

absl::StatusOr<v1::FileLines> LinesOffline(const v1::Target& target, const std::string& file) {
  v1::LogpointSpec spec;
  *spec.mutable_target() = target;
  spec.set_location(file);
  auto response = Run(v1::SymbolizerRequest::LINES, std::move(spec), false, "");
  if (!response.ok()) return response.status();
  return std::move(*response->mutable_lines());
}

}  // namespace dlog::cli
