// SPDX-License-Identifier: Apache-2.0
//
// The BPF programs loaded into the kernel, and logpoints attached through them.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bpf/abi.h"
#include "daemon/attach/hit_costs.h"
#include "daemon/attach/instruction_canaries.h"
#include "daemon/attach/plan_assembler.h"
#include "daemon/attach/uprobe_links.h"
#include "symbolizer/base/addresses.h"
#include "symbolizer/base/unique_fd.h"

namespace dlog::attach {

// The start of a function: what only it knows is noted for the sites that ask for it.
struct EntryRequest {
  FileOffset offset;
  std::vector<uint8_t> instruction;  // as in SiteRequest
  ReturnSlot slot;
  bool timed = true;  // when the call began
  uint8_t keeps = 0;  // AssembledPlan::entry_mask of all sites together
};

struct SiteRequest {
  FileOffset offset;
  std::vector<uint8_t> instruction;  // bytes the plan was made for; compared with the real file before attaching
  AssembledPlan plan;
  struct Call {
    size_t entry = 0;  // position in AttachRequest.entries
    ReturnSlot slot;
    bool timed = true;  // the site is a return that asks for the duration
  };
  std::optional<Call> call = {};  // the site asks for what the start of the call knows; plan.entry_mask needs it
};

struct AttachRequest {
  std::string path;  // as this process opens it: "/proc/PID/root/usr/bin/shopd"
  int32_t pid = 0;   // 0 = every process that maps the file
  // The first thread of the process has ended: the kernel's filter would take the process for one without memory, so
  // other processes that run the file pass the probe too.
  bool leader_exited = false;
  std::vector<SiteRequest> sites;
  std::vector<EntryRequest> entries;
  CaptureLimits capture;
  uint64_t rate_per_second = 0;  // 0 = unlimited; an idle logpoint may pass a tenth of a second's hits at once
  uint64_t max_hits = 0;         // 0 = unlimited
  uint32_t sample_every = 0;     // the first of each so many hits goes on; 0, 1 = all
  uint32_t sample_below = 0;     // a hit goes on when a random 32-bit number is below; 0 = all
};

struct CounterValues {
  std::array<uint64_t, DLOG_COUNTERS> value = {};  // enum dlog_counter
};

// A site or entry of the request that carries no probe.
struct MissingSite {
  size_t site = 0;  // position in request.sites or request.entries
  std::string reason;
};

class BpfRuntime;

// One attached logpoint. Destruction detaches (closes the link) and frees its table entries.
// Must not outlive the BpfRuntime. Thread: owner thread; Counters() from any thread.
class AttachedLogpoint {
 public:
  ~AttachedLogpoint();
  AttachedLogpoint(const AttachedLogpoint&) = delete;
  AttachedLogpoint& operator=(const AttachedLogpoint&) = delete;

  // Site table index of request.sites[i]; records carry it with generation().
  uint32_t site_index(size_t i) const { return sites_[i]; }
  size_t site_count() const { return sites_.size(); }
  uint32_t generation() const { return generation_; }
  // By ascending position. When it is all sites, nothing is attached and no other method may be called. Constant.
  const std::vector<MissingSite>& missing() const { return missing_; }
  const std::vector<MissingSite>& missing_entries() const { return missing_entries_; }
  // Sum over all CPUs; monotonic while attached and after Detach().
  CounterValues Counters() const;
  // What the user should know about this attachment, one line each.
  const std::vector<std::string>& warnings() const { return warnings_; }
  // Closes the link: no further hits. Counters stay readable. Idempotent.
  void Detach();

  // The following from any thread. Takes the probe off for a while, and puts it back; after Detach neither does
  // anything. Errors of Rearm as of Attach.
  void Disarm();
  absl::Status Rearm();
  // After `hits` more hits on one processor BpfRuntime::WaitAlarms reports this logpoint, once. 0 = never.
  void SetAlarm(uint64_t hits);

 private:
  friend class BpfRuntime;
  AttachedLogpoint() = default;
  void SetCountOnly(uint32_t count_only);
  // From now on starts of calls are noted: when all probes are in place, so that none is missed.
  void BeginEpoch();
  // Starts that were noted mean nothing any more: before probes are taken off.
  void EndEpoch();
  LinkOrder Order() const;
  void Leave(const AttachRequest& request, size_t place, std::string reason);
  absl::Status FirstLink(const AttachRequest& request, std::vector<size_t> usable);

  BpfRuntime* runtime_ = nullptr;
  uint32_t logpoint_ = 0;
  uint32_t generation_ = 0;
  std::vector<uint32_t> sites_;
  std::vector<uint32_t> entries_;  // site table indices, right behind sites_
  dlog_range ops_ = {};
  dlog_range routines_ = {};
  std::vector<std::string> warnings_;

  // What it takes to create the link; constant after Attach.
  std::string path_;  // for messages
  UniqueFd file_;
  int program_fd_ = -1;
  Backend backend_ = Backend::kUprobeMulti;
  uint32_t link_pid_ = 0;
  std::vector<uint64_t> offsets_;
  std::vector<uint64_t> cookies_;
  std::vector<MissingSite> missing_;
  std::vector<MissingSite> missing_entries_;

  std::mutex link_mutex_;
  bool detached_ = false;  // guarded by link_mutex_, as are links_
  std::vector<UniqueFd> links_;
};

// A record as it lies in the ring: valid only during the callback.
struct RawRecord {
  const dlog_record* header = nullptr;
  std::span<const uint8_t> segments;  // header->data_bytes bytes, sequence of struct dlog_segment + bytes
};

struct RuntimeOptions {
  uint64_t ring_bytes = 8 << 20;
  bool sleepable = true;  // false forces the non-sleepable program (tests, old kernels)
  // How to attach; unset = uprobe_multi where the kernel has it, perf events elsewhere.
  std::optional<Backend> backend = {};
  std::string boot_cache = {};  // file of BootCache; empty = none
  // Whether vector registers can be had is tried before the first logpoint that needs them; the trial itself must not.
  bool try_vectors = true;
};

inline constexpr int kReaderSleepMs = 1000;

// Thread: Attach/Detach on one owner thread; Poll on one drain thread; both at the same time is fine.
class BpfRuntime {
 public:
  // Also tries out what attaching depends on, unless the boot cache knows.
  // FailedPrecondition with a hint when the kernel lacks a needed feature (BTF, uprobe_multi, ring buffer);
  // PermissionDenied when the process may not load BPF programs.
  static absl::StatusOr<std::unique_ptr<BpfRuntime>> Create(const RuntimeOptions& options);
  ~BpfRuntime();

  // Checks every site against the file's bytes with symbolizer/code, writes the tables, creates the links. Sites that
  // cannot carry a probe are left out (AttachedLogpoint::missing); the result may be without any.
  // FailedPrecondition when bytes differ from the plan's; nothing is left attached on error.
  absl::StatusOr<std::unique_ptr<AttachedLogpoint>> Attach(const AttachRequest& request);

  // Waits up to `timeout_ms` for records and hands each to `on_record`. Returns their number. When nothing has come for
  // some time it sleeps longer than asked for, up to kReaderSleepMs; the next record wakes it.
  absl::StatusOr<int> Poll(int timeout_ms, const std::function<void(const RawRecord&)>& on_record);
  // Waits up to `timeout_ms` for alarms and calls `on_alarm` with the generation of each logpoint. One thread.
  void WaitAlarms(int timeout_ms, const std::function<void(uint32_t generation)>& on_alarm);
  // From now on Poll and WaitAlarms do not wait. Any thread.
  void StopWaiting();
  // Measured at the first call; owner thread first, then any.
  const HitCosts& Costs();
  // What probes do to instructions on this machine; tried at the first call or Attach. Any thread after that.
  const InstructionCanaries& Canaries();
  // Bytes waiting / capacity.
  double RingUsedRatio() const;
  bool sleepable() const;
  Backend backend() const;

  struct Impl;

 private:
  friend class AttachedLogpoint;
  explicit BpfRuntime(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dlog::attach
