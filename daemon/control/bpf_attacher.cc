// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/bpf_attacher.h"

#include <fmt/format.h>

#include <utility>

#include "daemon/attach/plan_assembler.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::daemon {
namespace {

std::vector<uint8_t> Bytes(const std::string& bytes) { return {bytes.begin(), bytes.end()}; }

class BpfAttachment : public Attachment {
 public:
  explicit BpfAttachment(std::unique_ptr<attach::AttachedLogpoint> logpoint) : logpoint_(std::move(logpoint)) {}
  uint32_t site_index(size_t i) const override { return logpoint_->site_index(i); }
  uint32_t generation() const override { return logpoint_->generation(); }
  attach::CounterValues Counters() const override { return logpoint_->Counters(); }
  std::vector<std::string> warnings() const override { return logpoint_->warnings(); }
  std::vector<attach::MissingSite> missing() const override { return logpoint_->missing(); }
  std::vector<attach::MissingSite> missing_entries() const override { return logpoint_->missing_entries(); }
  void Detach() override { logpoint_->Detach(); }
  void Disarm() override { logpoint_->Disarm(); }
  absl::Status Rearm() override { return logpoint_->Rearm(); }
  void SetAlarm(uint64_t hits) override { logpoint_->SetAlarm(hits); }

 private:
  std::unique_ptr<attach::AttachedLogpoint> logpoint_;
};

class BpfAttacher : public Attacher {
 public:
  explicit BpfAttacher(std::unique_ptr<attach::BpfRuntime> runtime) : runtime_(std::move(runtime)) {}

  absl::StatusOr<std::unique_ptr<Attachment>> Attach(const AttachOrder& order) override {
    attach::AttachRequest request;
    request.path = order.path;
    request.pid = order.pid;
    request.leader_exited = order.leader_exited;
    request.capture = order.capture;
    request.rate_per_second = order.rate_per_second;
    request.max_hits = order.max_hits;
    request.sample_every = order.sample_every;
    request.sample_below = order.sample_below;
    for (const AttachSite& site : order.sites) {
      auto plan = attach::AssemblePlan(*site.plan);
      if (!plan.ok()) return WithContext(plan.status(), fmt::format("plan for file offset {:#x}", site.offset.value));
      request.sites.push_back({site.offset, Bytes(site.instruction), *std::move(plan)});
      if (!site.call.has_value()) continue;
      auto slot = attach::CheckSlot(site.call->slot);
      if (!slot.ok()) return slot.status();
      request.sites.back().call = {site.call->entry, *slot, site.call->timed};
    }
    for (const AttachEntry& entry : order.entries) {
      auto slot = attach::CheckSlot(entry.slot);
      if (!slot.ok()) return slot.status();
      auto keeps = attach::KeptMask(entry.keeps);
      if (!keeps.ok()) return keeps.status();
      request.entries.push_back({entry.offset, Bytes(entry.instruction), *slot, entry.timed, *keeps});
    }
    auto attached = runtime_->Attach(request);
    if (!attached.ok()) return attached.status();
    return std::make_unique<BpfAttachment>(*std::move(attached));
  }

  absl::StatusOr<int> Poll(int timeout_ms, const std::function<void(const attach::RawRecord&)>& on_record) override {
    return runtime_->Poll(timeout_ms, on_record);
  }
  double RingUsedRatio() override { return runtime_->RingUsedRatio(); }
  void WaitAlarms(int timeout_ms, const std::function<void(uint32_t generation)>& on_alarm) override {
    runtime_->WaitAlarms(timeout_ms, on_alarm);
  }
  void StopWaiting() override { runtime_->StopWaiting(); }
  attach::HitCosts Costs() override { return runtime_->Costs(); }
  std::vector<attach::CanaryResult> Canaries() override { return runtime_->Canaries().results(); }

 private:
  std::unique_ptr<attach::BpfRuntime> runtime_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Attacher>> MakeBpfAttacher(const attach::RuntimeOptions& options) {
  auto runtime = attach::BpfRuntime::Create(options);
  if (!runtime.ok()) return runtime.status();
  (*runtime)->Costs();  // now, and not when the first logpoint waits
  return std::make_unique<BpfAttacher>(*std::move(runtime));
}

}  // namespace dlog::daemon
