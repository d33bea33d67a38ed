// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/plan_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "daemon/targets/build_id.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::daemon {
namespace {

constexpr char kRemakeHint[] = "make the plan again with `dlogctl resolve` of this version";

absl::Status Malformed(const std::string& what) {
  return WithHint(absl::InvalidArgumentError(fmt::format("the plan is damaged: {}", what)), kRemakeHint);
}

absl::Status CheckStatement(const v1::Statement& statement, int expressions, int entries) {
  if (statement.entry() > static_cast<uint32_t>(entries)) {
    return Malformed(fmt::format("a return of entry {}, of {}", statement.entry(), entries));
  }
  if (statement.candidates_size() == 0 || statement.candidates_size() > kMaxCandidates) {
    return Malformed(fmt::format("a statement has {} candidate sites", statement.candidates_size()));
  }
  for (const v1::CandidateSite& candidate : statement.candidates()) {
    if (candidate.expressions_size() != expressions) {
      return Malformed(
          fmt::format("a site has {} expressions, its template {}", candidate.expressions_size(), expressions));
    }
  }
  return absl::OkStatus();
}

// A literal as it is written in a template: braces doubled.
std::string Escaped(const std::string& literal) {
  std::string out;
  for (const char c : literal) {
    out.push_back(c);
    if (c == '{' || c == '}') out.push_back(c);
  }
  return out;
}

}  // namespace

absl::Status CheckResolved(const v1::ResolvedLogpoint& resolved) {
  if (resolved.format_version() < kOldestPlanVersion || resolved.format_version() > kNewestPlanVersion) {
    return WithHint(
        absl::InvalidArgumentError(fmt::format("the plan has format version {}, this daemon understands {} to {}",
                                               resolved.format_version(), kOldestPlanVersion, kNewestPlanVersion)),
        kRemakeHint);
  }
  const int expressions = resolved.parsed_template().expressions_size();
  if (resolved.parsed_template().literals_size() != expressions + 1) return Malformed("its template does not add up");
  const int statements = std::max(resolved.statements_size(), resolved.entries_size());
  if (statements > kMaxStatements) {
    return Malformed(fmt::format("{} statements; at most {} are possible", statements, kMaxStatements));
  }
  for (const v1::Statement& statement : resolved.statements()) {
    if (auto status = CheckStatement(statement, expressions, resolved.entries_size()); !status.ok()) return status;
  }
  for (const v1::Statement& entry : resolved.entries()) {
    if (auto status = CheckStatement(entry, 0, 0); !status.ok()) return status;
  }
  // They are searched by halving.
  const auto& functions = resolved.functions();
  const auto unordered = std::adjacent_find(
      functions.begin(), functions.end(),
      [](const v1::FunctionSymbol& a, const v1::FunctionSymbol& b) { return a.address() >= b.address(); });
  if (unordered != functions.end()) return Malformed("its functions are not in order");
  return absl::OkStatus();
}

absl::Status CheckKnown(const v1::AddRequest& request) {
  const v1::ResolvedLogpoint& known = request.known();
  const v1::LogpointSpec& spec = request.spec();
  // {$args} and {$locals} are something else in the plan: the variables they stand for.
  const bool expanded = absl::StrContains(spec.template_(), "$args") || absl::StrContains(spec.template_(), "$locals");
  if (known.location() == spec.location() && known.condition() == spec.condition() &&
      (expanded || TemplateText(known.parsed_template()) == spec.template_())) {
    return CheckResolved(known);
  }
  return WithHint(absl::InvalidArgumentError("the resolved logpoint that came along is of another location or text"),
                  "send the one that the same request has given on another node");
}

std::string TemplateText(const v1::ParsedTemplate& parsed) {
  std::string out;
  for (int i = 0; i < parsed.literals_size(); ++i) {
    out += Escaped(parsed.literals(i));
    if (i >= parsed.expressions_size()) continue;
    const v1::TemplateExpression& expression = parsed.expressions(i);
    out += "{" + expression.text() + (expression.format().empty() ? "" : ":" + expression.format()) + "}";
  }
  return out;
}

absl::StatusOr<TargetModule> MatchModule(const v1::ResolvedLogpoint& resolved, const std::vector<TargetModule>& modules,
                                         bool plan_given) {
  const std::string& wanted = resolved.binary().build_id();
  if (plan_given && wanted.empty()) {
    return WithHint(absl::FailedPreconditionError(fmt::format(
                        "the plan's binary {} has no build-id, so it cannot be matched with the target's file",
                        resolved.binary().path())),
                    "link the program with -Wl,--build-id, or let the daemon resolve (without --plan)");
  }
  std::string found;
  for (const TargetModule& module : modules) {
    if (!plan_given && module.display_path != resolved.binary().path()) continue;
    auto id = ReadBuildId(module.open_path);
    if (!id.ok()) {
      if (plan_given) continue;  // another file of the process; its own trouble does not matter here
      return id.status();
    }
    if (*id == wanted) return module;
    if (found.empty()) found = fmt::format("{} has {}", module.display_path, id->empty() ? "none" : BuildIdHex(*id));
  }
  if (!plan_given && found.empty()) {
    return absl::InternalError(
        fmt::format("the symbolizer answered for {}, which it was not given", resolved.binary().path()));
  }
  return WithHint(absl::FailedPreconditionError(fmt::format(
                      "no file of the target has build-id {}, for which the plan of {} was made{}", BuildIdHex(wanted),
                      resolved.binary().path(), found.empty() ? "" : " (" + found + ")")),
                  "the target runs another build: resolve again with the binary that is running");
}

}  // namespace dlog::daemon
