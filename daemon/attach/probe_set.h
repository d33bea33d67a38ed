// SPDX-License-Identifier: Apache-2.0
//
// The BPF programs loaded into the kernel, and logpoints attached through them.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bpf/abi.h"
#include "daemon/attach/plan_assembler.h"
#include "symbolizer/base/addresses.h"
#include "symbolizer/base/unique_fd.h"

namespace dlog::attach {

struct SiteRequest {
  FileOffset offset;
  std::vector<uint8_t> instruction;  // bytes the plan was made for; compared with the real file before attaching
  AssembledPlan plan;
};

struct AttachRequest {
  std::string path;  // as this process opens it: "/proc/PID/root/usr/bin/shopd"
  int32_t pid = 0;   // 0 = every process that maps the file
  std::vector<SiteRequest> sites;
  CaptureLimits capture;
  uint64_t rate_per_second = 0;  // 0 = unlimited; an idle logpoint may pass a tenth of a second's hits at once
  uint64_t max_hits = 0;         // 0 = unlimited
};

struct CounterValues {
  std::array<uint64_t, DLOG_COUNTERS> value = {};  // enum dlog_counter
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
  // Sum over all CPUs; monotonic while attached and after Detach().
  CounterValues Counters() const;
  // Closes the link: no further hits. Counters stay readable. Idempotent.
  void Detach();

 private:
  friend class BpfRuntime;
  AttachedLogpoint() = default;

  BpfRuntime* runtime_ = nullptr;
  uint32_t logpoint_ = 0;
  uint32_t generation_ = 0;
  std::vector<uint32_t> sites_;
  dlog_range ops_ = {};
  dlog_range routines_ = {};
  UniqueFd link_;
};

// A record as it lies in the ring: valid only during the callback.
struct RawRecord {
  const dlog_record* header = nullptr;
  std::span<const uint8_t> segments;  // header->data_bytes bytes, sequence of struct dlog_segment + bytes
};

struct RuntimeOptions {
  uint64_t ring_bytes = 8 << 20;
  bool sleepable = true;  // false forces the non-sleepable program (tests, old kernels)
};

// Thread: Attach/Detach on one owner thread; Poll on one drain thread; both at the same time is fine.
class BpfRuntime {
 public:
  // FailedPrecondition with a hint when the kernel lacks a needed feature (BTF, uprobe_multi, ring buffer);
  // PermissionDenied when the process may not load BPF programs.
  static absl::StatusOr<std::unique_ptr<BpfRuntime>> Create(const RuntimeOptions& options);
  ~BpfRuntime();

  // Checks every site against the file's bytes with symbolizer/code, writes the tables, creates one uprobe_multi link.
  // FailedPrecondition when a site is unsafe or the bytes differ from the plan's; nothing is left attached on error.
  absl::StatusOr<std::unique_ptr<AttachedLogpoint>> Attach(const AttachRequest& request);

  // Waits up to `timeout_ms` for records and hands each to `on_record`. Returns their number.
  absl::StatusOr<int> Poll(int timeout_ms, const std::function<void(const RawRecord&)>& on_record);
  // Bytes waiting / capacity.
  double RingUsedRatio() const;
  bool sleepable() const;

  struct Impl;

 private:
  friend class AttachedLogpoint;
  explicit BpfRuntime(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dlog::attach
