// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/preparer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/time/time.h"
#include "daemon/base/boot_time.h"
#include "daemon/control/plan_check.h"
#include "daemon/control/policy.h"
#include "daemon/symbolizer_client/symbolizer_client.h"
#include "daemon/targets/build_id.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::daemon {
namespace {

constexpr char kAbsentUrl[] = "dlog/target-absent";

void AppendAll(const google::protobuf::RepeatedPtrField<std::string>& from, std::vector<std::string>* to) {
  to->insert(to->end(), from.begin(), from.end());
}

v1::SymbolizerRequest WorkerRequest(v1::SymbolizerRequest::Operation operation, const v1::LogpointSpec& spec,
                                    const FoundTarget& target) {
  v1::SymbolizerRequest request;
  request.set_operation(operation);
  *request.mutable_spec() = spec;
  request.set_root(target.root);
  for (const TargetModule& module : target.modules) {
    auto* out = request.add_modules();
    out->set_open_path(module.open_path);
    out->set_display_path(module.display_path);
  }
  return request;
}

// The share of all 32-bit numbers that the program compares a random one with; 0 = no sampling.
uint32_t SampleThreshold(double share) {
  constexpr double kNumbers = 4294967296.0;
  if (share <= 0 || share >= 1) return 0;
  return std::max<uint32_t>(1, static_cast<uint32_t>(share * kNumbers));
}

}  // namespace

std::map<std::string, uint64_t> Preparer::failures() const {
  MutexLock lock(&mutex_);
  return failures_;
}

absl::StatusOr<v1::SymbolizerResponse> Preparer::Symbolize(const v1::SymbolizerRequest& request) {
  {
    MutexLock lock(&mutex_);
    mutex_.Await([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return WorkerFree(); });
    ++workers_;
  }
  const absl::Time begin = BootTime();
  v1::SymbolizerRequest ruled = request;
  *ruled.mutable_redaction() = seams_.redaction.ToProto();
  auto response = seams_.symbolize(ruled);
  resolve_times_.Observe(absl::ToInt64Nanoseconds(BootTime() - begin));
  MutexLock lock(&mutex_);
  --workers_;
  const std::string failure = SymbolizerFailureReason(response.status());
  if (!failure.empty()) ++failures_[failure];
  return response;
}

absl::Status Preparer::Resolve(const FoundTarget& target, const v1::ResolvedLogpoint* known, Prepared* prepared) {
  if (known != nullptr && !known->binary().build_id().empty() && CheckRedaction(rules_, *known, false).ok()) {
    // By its build-id alone: on the node that it comes from, the same program may have another path.
    if (auto module = MatchModule(*known, target.modules, /*plan_given=*/true); module.ok()) {
      prepared->context.resolved = *known;
      prepared->context.resolved.mutable_binary()->set_path(module->display_path);
      return absl::OkStatus();
    }
  }
  const absl::Time begin = BootTime();
  auto response = Symbolize(WorkerRequest(v1::SymbolizerRequest::RESOLVE, prepared->context.spec, target));
  prepared->resolve_ms = absl::ToDoubleMilliseconds(BootTime() - begin);
  if (!response.ok()) return response.status();
  if (!response->has_resolved()) return absl::InternalError("the symbolizer answered without a plan");
  prepared->context.resolved.Swap(response->mutable_resolved());
  return absl::OkStatus();
}

// From a resolved logpoint to an order for the kernel.
absl::Status Preparer::Complete(const FoundTarget& target, Prepared* prepared) {
  pipeline::LogpointContext& context = prepared->context;
  prepared->site_policy = {context.spec.site_policy(), target.shadow_stack, seams_.canaries};
  const SiteChoice choice = ChooseSites(context.resolved, prepared->site_policy);
  context.sites = choice.sites;
  context.entries = choice.entries;
  context.refused = choice.refused;
  if (choice.sites.empty()) return NothingToProbe(context);
  context.host = seams_.host;
  prepared->warnings.insert(prepared->warnings.end(), target.warnings.begin(), target.warnings.end());
  AppendAll(context.resolved.warnings(), &prepared->warnings);

  AttachOrder& order = prepared->order;
  order.pid = target.pid;
  order.leader_exited = target.leader_exited;
  order.capture.depth = context.spec.limits().depth();
  order.capture.event_bytes = context.spec.limits().event_bytes();
  order.rate_per_second = context.spec.limits().rate_per_second();
  order.max_hits = context.spec.limits().hits();
  order.sample_every = static_cast<uint32_t>(context.spec.limits().every());
  order.sample_below = SampleThreshold(context.spec.limits().sample());
  for (const v1::RefusedSite& refused : choice.refused_entries) prepared->warnings.push_back(EntryWarning(refused));
  return absl::OkStatus();
}

bool IsTargetAbsent(const absl::Status& status) { return status.GetPayload(kAbsentUrl).has_value(); }

absl::StatusOr<FoundTarget> Preparer::OpenTarget(const v1::Target& target, Prepared* prepared) {
  prepared->target_print = finder_.Fingerprint(target);
  auto found = finder_.Find(target);
  if (!found.ok()) {
    absl::Status status = found.status();
    if (absl::IsNotFound(status)) status.SetPayload(kAbsentUrl, absl::Cord("1"));
    return status;
  }
  if (found->pid != 0 && !found->whole_program) {
    auto process = ProcessHandle::Open(found->pid);
    if (!process.ok()) return process.status();
    prepared->process = *std::move(process);
    prepared->target_key = fmt::format("pid {}", found->pid);
    prepared->container = ContainerOf("/proc", found->pid);
  }
  return found;
}

absl::Status Preparer::TakePlan(const v1::ResolvedLogpoint& plan, Prepared* prepared) const {
  if (auto status = CheckResolved(plan); !status.ok()) return status;
  if (rules_.active() && !seams_.redaction.accept_plans) {
    return WithHint(absl::PermissionDeniedError("this daemon takes no plans, because it cannot know what they capture"),
                    "let the daemon resolve (without --plan); key `redaction.accept-plans` of its configuration");
  }
  if (auto status = CheckRedaction(rules_, plan, true); !status.ok()) return status;
  prepared->context.resolved = plan;
  v1::LogpointSpec& spec = prepared->context.spec;
  spec.set_location(plan.location());
  spec.set_template_(TemplateText(plan.parsed_template()));
  spec.set_condition(plan.condition());
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Prepared>> Preparer::Prepare(const v1::AddRequest& request,
                                                            const v1::ResolvedLogpoint* known) {
  auto prepared = std::make_unique<Prepared>();
  v1::LogpointSpec& spec = prepared->context.spec;
  spec = request.spec();
  spec.clear_id();
  if (request.has_plan()) {
    if (auto status = TakePlan(request.plan(), prepared.get()); !status.ok()) return status;
  }
  if (known == nullptr && request.has_known()) {
    if (auto status = CheckKnown(request); !status.ok()) return status;
    // A plan like any other that comes from outside; where those are not taken this node resolves by itself.
    const bool taken = !rules_.active() || seams_.redaction.accept_plans;
    if (taken && CheckRedaction(rules_, request.known(), true).ok()) known = &request.known();
  }
  if (auto status = ApplyPolicy(&spec, &prepared->warnings); !status.ok()) return status;

  auto target = OpenTarget(spec.target(), prepared.get());
  if (!target.ok()) return target.status();
  if (!request.has_plan()) {
    if (auto status = Resolve(*target, known, prepared.get()); !status.ok()) return status;
    if (auto status = CheckResolved(prepared->context.resolved); !status.ok()) return status;
    if (auto status = CheckRedaction(rules_, prepared->context.resolved, false); !status.ok()) return status;
  }
  auto module = MatchModule(prepared->context.resolved, target->modules, request.has_plan());
  if (!module.ok()) return module.status();
  prepared->context.resolved.mutable_binary()->set_path(module->display_path);
  prepared->order.path = module->open_path;
  if (target->whole_program) {
    if (module->open_path == target->modules.front().open_path) {
      target->pid = 0;
    } else {
      auto process = ProcessHandle::Open(target->pid);
      if (!process.ok()) return process.status();
      prepared->process = *std::move(process);
      prepared->target_key = fmt::format("pid {}", target->pid);
    }
  }
  if (target->pid == 0) prepared->target_key = module->display_path;
  if (auto status = Complete(*target, prepared.get()); !status.ok()) return status;
  return prepared;
}

absl::StatusOr<v1::BuildsResponse> Preparer::Builds(const v1::Target& target) const {
  auto found = finder_.Find(target, /*look_at_processes=*/false);
  if (!found.ok()) return found.status();
  v1::BuildsResponse response;
  for (const TargetModule& module : found->modules) {
    auto* out = response.add_modules();
    out->set_path(module.display_path);
    auto build_id = ReadBuildId(module.open_path);
    if (build_id.ok()) out->set_build_id(*std::move(build_id));
  }
  return response;
}

absl::StatusOr<v1::ResolvedLogpoint> Preparer::Explain(v1::LogpointSpec spec, bool all_variables) {
  std::vector<std::string> warnings;
  if (auto status = ApplyPolicy(&spec, &warnings); !status.ok()) return status;
  auto target = finder_.Find(spec.target());
  if (!target.ok()) return target.status();
  auto request =
      WorkerRequest(all_variables ? v1::SymbolizerRequest::VARIABLES : v1::SymbolizerRequest::RESOLVE, spec, *target);
  request.set_explain(true);
  auto response = Symbolize(request);
  if (!response.ok()) return response.status();
  v1::ResolvedLogpoint resolved = std::move(*response->mutable_resolved());
  if (auto status = CheckResolved(resolved); !status.ok()) return status;
  KeepChosen(ChooseSites(resolved, {spec.site_policy(), target->shadow_stack, seams_.canaries}), &resolved);
  for (const std::string& warning : target->warnings) resolved.add_warnings(warning);
  for (const std::string& warning : warnings) resolved.add_warnings(warning);
  return resolved;
}

absl::StatusOr<v1::FileLines> Preparer::Lines(const v1::Target& target, const std::string& file) {
  v1::LogpointSpec spec;
  std::vector<std::string> warnings;
  *spec.mutable_target() = target;
  spec.set_location(file);
  if (auto status = ApplyPolicy(&spec, &warnings); !status.ok()) return status;
  auto found = finder_.Find(target);
  if (!found.ok()) return found.status();
  auto response = Symbolize(WorkerRequest(v1::SymbolizerRequest::LINES, spec, *found));
  if (!response.ok()) return response.status();
  return std::move(*response->mutable_lines());
}

}  // namespace dlog::daemon
