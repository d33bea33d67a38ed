// SPDX-License-Identifier: Apache-2.0
//
// What the engine needs of the kernel, so that it can be tested without one. daemon/control/bpf_attacher is the real
// one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/attach/probe_set.h"
#include "plan.pb.h"
#include "symbolizer/base/addresses.h"

namespace dlog::daemon {

struct AttachSite {
  FileOffset offset;
  std::string instruction;                // bytes the plan was made for
  const v1::CapturePlan* plan = nullptr;  // untrusted; must live during the call
  // The site asks for what the start of the call knows; the slot is untrusted.
  struct Call {
    size_t entry = 0;  // position in AttachOrder.entries
    v1::ReturnSlot slot;
    bool timed = false;  // as attach::SiteRequest::Call
  };
  std::optional<Call> call = {};
};

// As attach::EntryRequest.
struct AttachEntry {
  FileOffset offset;
  std::string instruction;
  v1::ReturnSlot slot;  // untrusted
  bool timed = false;
  uint32_t keeps = 0;  // as Statement.keeps; untrusted
};

struct AttachOrder {
  std::string path;            // as this process opens it
  int32_t pid = 0;             // 0 = every process that maps the file
  bool leader_exited = false;  // as attach::AttachRequest
  std::vector<AttachSite> sites;
  std::vector<AttachEntry> entries;
  attach::CaptureLimits capture;
  uint64_t rate_per_second = 0;  // 0 = unlimited
  uint64_t max_hits = 0;         // 0 = unlimited
  uint32_t sample_every = 0;     // as attach::AttachRequest
  uint32_t sample_below = 0;
};

// One attached logpoint. Detach, destruction: owner thread; Counters: any thread.
class Attachment {
 public:
  virtual ~Attachment() = default;
  virtual uint32_t site_index(size_t i) const = 0;  // of order.sites[i]
  virtual uint32_t generation() const = 0;
  virtual attach::CounterValues Counters() const = 0;
  virtual std::vector<std::string> warnings() const { return {}; }  // for the user; constant
  // Of order.sites, by ascending position: those without a probe, and why. Constant.
  virtual std::vector<attach::MissingSite> missing() const { return {}; }
  // The same of order.entries.
  virtual std::vector<attach::MissingSite> missing_entries() const { return {}; }
  virtual void Detach() = 0;  // no further hits; counters stay readable; idempotent
  // As attach::AttachedLogpoint; any thread.
  virtual void Disarm() {}
  virtual absl::Status Rearm() { return absl::OkStatus(); }
  virtual void SetAlarm(uint64_t hits) { (void)hits; }
};

// Attach: owner thread. Poll: drain thread. RingUsedRatio: any.
class Attacher {
 public:
  virtual ~Attacher() = default;
  virtual absl::StatusOr<std::unique_ptr<Attachment>> Attach(const AttachOrder& order) = 0;
  virtual absl::StatusOr<int> Poll(int timeout_ms, const std::function<void(const attach::RawRecord&)>& on_record) = 0;
  virtual double RingUsedRatio() = 0;
  // One thread. Returns after an alarm, or `timeout_ms`.
  virtual void WaitAlarms(int timeout_ms, const std::function<void(uint32_t generation)>& on_alarm) = 0;
  // From now on Poll and WaitAlarms do not wait. Any thread.
  virtual void StopWaiting() {}
  virtual attach::HitCosts Costs() { return {}; }
  virtual std::vector<attach::CanaryResult> Canaries() { return {}; }  // any thread
};

}  // namespace dlog::daemon
