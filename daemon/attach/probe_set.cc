// SPDX-License-Identifier: Apache-2.0
#include "daemon/attach/probe_set.h"

#include <bpf/libbpf.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/attach/boot_cache.h"
#include "daemon/attach/bpf_errors.h"
#include "daemon/attach/canary_program.h"
#include "daemon/attach/mapped_table.h"
#include "daemon/attach/pid_namespace.h"
#include "daemon/attach/program_loader.h"
#include "daemon/attach/range_allocator.h"
#include "daemon/attach/record_layout.h"
#include "daemon/attach/ring_consumer.h"
#include "daemon/attach/site_check.h"
#include "daemon/attach/vector_capture.h"
#include "daemon/attach/vector_check.h"
#include "logpoint.skel.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::attach {
namespace {

using Clock = std::chrono::steady_clock;

// Producers wake the drain thread only when much is waiting, so it looks by itself this often.
constexpr int kPollSliceMs = 20;
// A record is reserved but not committed: its producer was preempted.
constexpr std::chrono::milliseconds kBusyRecordWait(1);

// Polls without a record, each of some milliseconds, until the drain thread lets itself be woken.
constexpr int kQuietPolls = 40;
// How long a record may take from the test for a sleeping reader to the ring; one that takes longer waits for the end
// of the sleep.
constexpr int kRecordUnderWayMs = 5;

// Such a part of a ring with several logpoints is for those of which little waits there.
constexpr uint64_t kReserveOfRing = 8;

constexpr uint64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr uint64_t kBurstsPerSecond = 10;  // an idle bucket lets a tenth of a second's hits through at once

dlog_logpoint LimitsOf(const AttachRequest& request) {
  dlog_logpoint limits = {};
  if (request.rate_per_second != 0) {
    limits.interval_ns = kNanosecondsPerSecond / request.rate_per_second;
    limits.burst_ns = limits.interval_ns * std::max<uint64_t>(1, request.rate_per_second / kBurstsPerSecond);
  }
  limits.max_hits = request.max_hits;
  limits.sample_every = request.sample_every;
  limits.sample_below = request.sample_below;
  return limits;
}

bool NamesRoutine(const dlog_op& op) {
  return op.code == DLOG_OP_CALL || op.code == DLOG_OP_CALL_EACH || op.code == DLOG_OP_WALK || op.code == DLOG_OP_NEXT;
}

dlog_range Relocate(dlog_range range, uint32_t first_op) { return {range.first + first_op, range.count}; }

void SetSlot(const ReturnSlot& slot, dlog_site* site) {
  site->slot_offset = slot.offset;
  if (slot.from_rbp) site->flags |= DLOG_SITE_SLOT_RBP;
}

// The places of a request are its sites, then its entries.
size_t PlacesOf(const AttachRequest& request) { return request.sites.size() + request.entries.size(); }
bool IsEntry(const AttachRequest& request, size_t place) { return place >= request.sites.size(); }
FileOffset OffsetOf(const AttachRequest& request, size_t place) {
  return IsEntry(request, place) ? request.entries[place - request.sites.size()].offset : request.sites[place].offset;
}
const std::vector<uint8_t>& InstructionOf(const AttachRequest& request, size_t place) {
  return IsEntry(request, place) ? request.entries[place - request.sites.size()].instruction
                                 : request.sites[place].instruction;
}

absl::StatusOr<UniqueFd> OpenRegularFile(const std::string& path) {
  UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info = {};
  if (!file.valid() || fstat(file.get(), &info) != 0) {
    const std::string message = absl::StrCat("open ", path, ": ", std::strerror(errno));
    return errno == ENOENT ? absl::NotFoundError(message) : absl::FailedPreconditionError(message);
  }
  if (!S_ISREG(info.st_mode)) return absl::InvalidArgumentError(absl::StrCat(path, " is no regular file"));
  return file;
}

absl::Status TablesFull(const char* what) {
  return WithHint(absl::ResourceExhaustedError(absl::StrCat("no room for more ", what)),
                  "remove logpoints that are no longer needed (`dlogctl ls`, `dlogctl rm`)");
}

}  // namespace

struct BpfRuntime::Impl {
  // Constant after Create.
  LoadedProgram program;
  MappedTable<dlog_site> sites;
  MappedTable<dlog_op> ops;
  MappedTable<dlog_range> routines;
  MappedTable<dlog_logpoint> logpoints;
  MappedTable<dlog_counters> counters;
  MappedTable<uint64_t> consumed;
  MappedTable<dlog_reader> reader;
  std::unique_ptr<RingConsumer> ring;
  std::unique_ptr<RingConsumer> alarms;
  UniqueFd stop_waiting;  // eventfd

  // Drain thread.
  int quiet_polls = 0;
  dlog_record record = {};  // the one that is handed over

  // Owner thread.
  RangeAllocator free_sites{DLOG_MAX_SITES};
  RangeAllocator free_ops{DLOG_MAX_OPS};
  RangeAllocator free_routines{DLOG_MAX_ROUTINES};
  RangeAllocator free_logpoints{DLOG_MAX_LOGPOINTS};
  uint32_t last_generation = 0;
  size_t attached = 0;                   // logpoints
  std::atomic<uint32_t> last_epoch = 0;  // any thread
  BootCache cache{""};
  bool process_filter_works = false;
  bool try_vectors = true;
  std::once_flag costs_measured;
  HitCosts costs;
  std::unique_ptr<VectorCapture> vectors;
  absl::Status vectors_status;  // why there are none; OK = not asked for yet

  absl::Status MapTables();
  absl::Status SleepUntilWoken();
  absl::Status TryProcessFilter();
  absl::Status EnsureVectors();
  int ProgramFor(const AttachRequest& request, AttachedLogpoint* logpoint);
  absl::Status FillProcess(int32_t pid, bool leader_exited, uint32_t* link_pid, uint32_t* site_tgid);
  absl::Status Reserve(const AttachRequest& request, BpfRuntime* runtime, AttachedLogpoint* logpoint);
  void WriteTables(const AttachRequest& request, uint32_t tgid, const AttachedLogpoint& logpoint);
  void WriteSite(const SiteRequest& request, const CaptureLimits& limits, uint32_t tgid,
                 const AttachedLogpoint& logpoint, uint32_t site, uint32_t first_op, uint32_t first_routine);
  void WriteEntry(const EntryRequest& request, uint32_t tgid, const AttachedLogpoint& logpoint, uint32_t site);
  void ResetCounters(uint32_t logpoint);
  void Release(AttachedLogpoint* logpoint);
  void SetAttached(size_t count);
  void NoteConsumed(const dlog_record& record, uint64_t bytes);
  const InstructionCanaries& Canaries() { return KernelCanaries(program.backend, &cache); }

  // A record may wait in the ring long after its site was freed and used again: the generation tells them apart.
  uint32_t NextGeneration() {
    if (++last_generation == 0) ++last_generation;
    return last_generation;
  }
  uint32_t NextEpoch() {
    const uint32_t epoch = ++last_epoch;
    return epoch != 0 ? epoch : ++last_epoch;
  }
};

absl::Status BpfRuntime::Impl::MapTables() {
  const auto map = [](auto* table, const bpf_map* of) {
    auto mapped = std::decay_t<decltype(*table)>::Create(bpf_map__fd(of), bpf_map__max_entries(of));
    if (!mapped.ok()) return mapped.status();
    *table = *std::move(mapped);
    return absl::OkStatus();
  };
  const auto& maps = program.skeleton->maps;
  if (absl::Status status = map(&sites, maps.sites); !status.ok()) return status;
  if (absl::Status status = map(&ops, maps.ops); !status.ok()) return status;
  if (absl::Status status = map(&routines, maps.routines); !status.ok()) return status;
  if (absl::Status status = map(&logpoints, maps.logpoints); !status.ok()) return status;
  if (absl::Status status = map(&reader, maps.reader); !status.ok()) return status;
  if (absl::Status status = map(&counters, maps.counters_map); !status.ok()) return status;
  if (absl::Status status = map(&consumed, maps.consumed); !status.ok()) return status;
  auto consumer = RingConsumer::Create(bpf_map__fd(maps.ring), program.ring_bytes);
  if (!consumer.ok()) return consumer.status();
  ring = *std::move(consumer);
  auto alarm_consumer = RingConsumer::Create(bpf_map__fd(maps.alarms), bpf_map__max_entries(maps.alarms));
  if (!alarm_consumer.ok()) return alarm_consumer.status();
  alarms = *std::move(alarm_consumer);
  stop_waiting = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop_waiting.valid()) return absl::ErrnoToStatus(errno, "eventfd");
  return absl::OkStatus();
}

// It stays asleep, for the next call too, until a record comes.
absl::Status BpfRuntime::Impl::SleepUntilWoken() {
  if (__atomic_exchange_n(&reader[0].asleep, 1, __ATOMIC_SEQ_CST) == 0) {
    absl::Status status = ring->Wait(kRecordUnderWayMs, stop_waiting.get());
    if (!status.ok() || ring->UsedBytes() != 0) return status;
  }
  return ring->Wait(kReaderSleepMs, stop_waiting.get());
}

absl::Status BpfRuntime::Impl::TryProcessFilter() {
  const std::string key = absl::StrCat("process_filter_", BackendName(program.backend));
  const std::optional<std::string> known = cache.Get(key);
  if (known.has_value()) {
    process_filter_works = *known == "works";
    return absl::OkStatus();
  }
  auto works = PerProcessFilterWorks(program.backend);
  if (!works.ok()) return WithContext(works.status(), "try the per-process filter");
  process_filter_works = *works;
  cache.Put(key, *works ? "works" : "loses hits");
  return absl::OkStatus();
}

absl::Status BpfRuntime::Impl::EnsureVectors() {
  if (vectors != nullptr || !vectors_status.ok()) return vectors_status;
  if (try_vectors) vectors_status = VectorRegistersWork(&cache);
  if (!vectors_status.ok()) return vectors_status;
  auto capture = VectorCapture::Create(program);
  vectors_status = capture.status();
  if (capture.ok()) vectors = *std::move(capture);
  return vectors_status;
}

// The program that serves the request; without vector registers their values are shown as unreadable.
int BpfRuntime::Impl::ProgramFor(const AttachRequest& request, AttachedLogpoint* logpoint) {
  const bool wanted = std::any_of(request.sites.begin(), request.sites.end(),
                                  [](const SiteRequest& site) { return site.plan.vector_mask != 0; });
  if (!wanted) return program.program_fd;
  if (const absl::Status status = EnsureVectors(); !status.ok()) {
    logpoint->warnings_.push_back(absl::StrCat("values in vector registers cannot be read: ", status.message()));
    return program.program_fd;
  }
  if (!vectors->real_time()) {
    logpoint->warnings_.push_back(
        "some values in vector registers will be unreadable: dlogd may not use real-time priority (CAP_SYS_NICE)");
  }
  return vectors->program_fd();
}

// The link's filter keeps the breakpoint out of other processes; before 6.10 it also lost the hits of other threads, so
// there only the program filters. The program sees process ids of the initial namespace.
absl::Status BpfRuntime::Impl::FillProcess(int32_t pid, bool leader_exited, uint32_t* link_pid, uint32_t* site_tgid) {
  *link_pid = *site_tgid = 0;
  if (pid == 0) return absl::OkStatus();
  if (pid < 0) return absl::InvalidArgumentError(absl::StrCat("process ", pid, " cannot exist"));
  if (process_filter_works && !leader_exited) *link_pid = static_cast<uint32_t>(pid);
  if (InInitialPidNamespace()) *site_tgid = static_cast<uint32_t>(pid);
  if (*link_pid == 0 && *site_tgid == 0) {
    return WithHint(absl::FailedPreconditionError("this kernel cannot limit a probe to one process of a pid namespace"),
                    "run dlogd in the host's pid namespace (hostPID: true)");
  }
  return absl::OkStatus();
}

// Even when it fails, what was reserved is freed with `logpoint`.
absl::Status BpfRuntime::Impl::Reserve(const AttachRequest& request, BpfRuntime* runtime, AttachedLogpoint* logpoint) {
  uint32_t op_count = 0, routine_count = 0;
  for (const SiteRequest& site : request.sites) {
    op_count += static_cast<uint32_t>(site.plan.ops.size());
    routine_count += static_cast<uint32_t>(site.plan.routines.size());
    if (op_count > DLOG_MAX_OPS) return TablesFull("plan ops");
    if (routine_count > DLOG_MAX_ROUTINES) return TablesFull("capture routines");
  }
  const auto slot = free_logpoints.Allocate(1);
  if (!slot.has_value()) return TablesFull("logpoints");
  SetAttached(attached + 1);
  logpoint->logpoint_ = *slot;
  logpoint->generation_ = NextGeneration();
  logpoint->runtime_ = runtime;
  const auto first_site = free_sites.Allocate(static_cast<uint32_t>(PlacesOf(request)));
  for (uint32_t i = 0; first_site.has_value() && i < PlacesOf(request); ++i) {
    (IsEntry(request, i) ? logpoint->entries_ : logpoint->sites_).push_back(*first_site + i);
  }
  if (op_count > 0) {
    if (const auto first = free_ops.Allocate(op_count)) logpoint->ops_ = {*first, op_count};
  }
  if (routine_count > 0) {
    if (const auto first = free_routines.Allocate(routine_count)) logpoint->routines_ = {*first, routine_count};
  }
  if (!first_site.has_value()) return TablesFull("sites");
  if (logpoint->ops_.count != op_count) return TablesFull("plan ops");
  if (logpoint->routines_.count != routine_count) return TablesFull("capture routines");
  return absl::OkStatus();
}

void BpfRuntime::Impl::WriteSite(const SiteRequest& request, const CaptureLimits& limits, uint32_t tgid,
                                 const AttachedLogpoint& logpoint, uint32_t site, uint32_t first_op,
                                 uint32_t first_routine) {
  const AssembledPlan& plan = request.plan;
  for (uint32_t i = 0; i < plan.ops.size(); ++i) {
    dlog_op op = plan.ops[i];
    if (NamesRoutine(op)) op.routine += first_routine;
    ops[first_op + i] = op;
  }
  for (uint32_t i = 0; i < plan.routines.size(); ++i) {
    routines[first_routine + i] = Relocate(plan.routines[i], first_op);
  }
  dlog_site entry = {};
  entry.generation = logpoint.generation();
  entry.index = site;
  entry.logpoint = logpoint.logpoint_;
  entry.tgid = tgid;
  entry.register_mask = plan.register_mask;
  entry.condition = Relocate(plan.condition, first_op);
  entry.capture = Relocate(plan.capture, first_op);
  entry.flags = DLOG_SITE_ACTIVE | (plan.vector_condition ? DLOG_SITE_VECTOR_CONDITION : 0);
  if (ListFewRegisters(plan.register_mask, entry.few)) entry.flags |= DLOG_SITE_FEW;
  entry.vector_mask = static_cast<uint16_t>(plan.vector_mask);
  entry.max_depth = limits.depth;
  entry.max_bytes = std::min<uint32_t>(limits.event_bytes, DLOG_MAX_RECORD_DATA);
  if (request.call.has_value()) {
    if (request.call->timed) entry.flags |= DLOG_SITE_RETURN;
    entry.entry_mask = plan.entry_mask;
    entry.entry = logpoint.entries_[request.call->entry];
    SetSlot(request.call->slot, &entry);
  }
  sites[site] = entry;
}

void BpfRuntime::Impl::WriteEntry(const EntryRequest& request, uint32_t tgid, const AttachedLogpoint& logpoint,
                                  uint32_t site) {
  dlog_site entry = {};
  entry.generation = logpoint.generation();
  entry.index = site;
  entry.logpoint = logpoint.logpoint_;
  entry.tgid = tgid;
  entry.flags = DLOG_SITE_ACTIVE | DLOG_SITE_ENTRY | (request.timed ? DLOG_SITE_TIMES : 0);
  entry.entry_mask = request.keeps;
  SetSlot(request.slot, &entry);
  sites[site] = entry;
}

void BpfRuntime::Impl::WriteTables(const AttachRequest& request, uint32_t tgid, const AttachedLogpoint& logpoint) {
  logpoints[logpoint.logpoint_] = LimitsOf(request);
  ResetCounters(logpoint.logpoint_);
  uint32_t op = logpoint.ops_.first, routine = logpoint.routines_.first;
  for (size_t i = 0; i < request.sites.size(); ++i) {
    WriteSite(request.sites[i], request.capture, tgid, logpoint, logpoint.sites_[i], op, routine);
    op += static_cast<uint32_t>(request.sites[i].plan.ops.size());
    routine += static_cast<uint32_t>(request.sites[i].plan.routines.size());
  }
  for (size_t i = 0; i < request.entries.size(); ++i) {
    WriteEntry(request.entries[i], tgid, logpoint, logpoint.entries_[i]);
  }
  std::atomic_thread_fence(std::memory_order_release);
}

void BpfRuntime::Impl::ResetCounters(uint32_t logpoint) {
  for (uint32_t cpu = 0; cpu < program.cpus; ++cpu) {
    counters[logpoint * program.cpus + cpu] = {};
    consumed[logpoint * program.cpus + cpu] = 0;
  }
}

// After Detach: closing a uprobe_multi link waits for the programs that are running, so nobody reads the entries any
// more.
void BpfRuntime::Impl::Release(AttachedLogpoint* logpoint) {
  for (const uint32_t site : logpoint->sites_) sites[site] = {};
  for (const uint32_t site : logpoint->entries_) sites[site] = {};
  if (!logpoint->sites_.empty()) {
    free_sites.Free(logpoint->sites_.front(),
                    static_cast<uint32_t>(logpoint->sites_.size() + logpoint->entries_.size()));
  }
  if (logpoint->ops_.count > 0) free_ops.Free(logpoint->ops_.first, logpoint->ops_.count);
  if (logpoint->routines_.count > 0) free_routines.Free(logpoint->routines_.first, logpoint->routines_.count);
  free_logpoints.Free(logpoint->logpoint_, 1);
  SetAttached(attached - 1);
}

// A logpoint that is alone may have all of the ring.
void BpfRuntime::Impl::SetAttached(size_t count) {
  attached = count;
  const uint64_t crowded = count <= 1 ? program.ring_bytes : program.ring_bytes - program.ring_bytes / kReserveOfRing;
  __atomic_store_n(&reader[0].crowded_bytes, crowded, __ATOMIC_RELAXED);
}

// Drain thread. The records of a logpoint that has ended are nobody's.
void BpfRuntime::Impl::NoteConsumed(const dlog_record& record, uint64_t bytes) {
  if (record.site >= sites.size() || record.cpu >= program.cpus) return;
  const dlog_site& site = sites[record.site];
  if (__atomic_load_n(&site.generation, __ATOMIC_RELAXED) != record.generation) return;
  uint64_t& sum = consumed[site.logpoint * program.cpus + record.cpu];
  __atomic_store_n(&sum, sum + bytes, __ATOMIC_RELAXED);
}

// ---------------------------------------------------------------------------------------------- AttachedLogpoint

AttachedLogpoint::~AttachedLogpoint() {
  Detach();
  if (runtime_ != nullptr) runtime_->impl_->Release(this);
}

CounterValues AttachedLogpoint::Counters() const {
  CounterValues sum;
  const BpfRuntime::Impl& impl = *runtime_->impl_;
  for (uint32_t cpu = 0; cpu < impl.program.cpus; ++cpu) {
    const dlog_counters& counters = impl.counters[logpoint_ * impl.program.cpus + cpu];
    for (size_t i = 0; i < sum.value.size(); ++i) sum.value[i] += __atomic_load_n(&counters.value[i], __ATOMIC_RELAXED);
  }
  return sum;
}

void AttachedLogpoint::Detach() {
  const std::lock_guard lock(link_mutex_);
  detached_ = true;
  links_.clear();
}

void AttachedLogpoint::Disarm() {
  const std::lock_guard lock(link_mutex_);
  // Closing takes its time; what comes meanwhile is only counted.
  SetCountOnly(1);
  EndEpoch();
  links_.clear();
}

// The file that was checked is attached to, even if the path leads elsewhere by now.
LinkOrder AttachedLogpoint::Order() const {
  return {backend_, program_fd_, absl::StrCat("/proc/self/fd/", file_.get()), offsets_, cookies_, link_pid_};
}

absl::Status AttachedLogpoint::Rearm() {
  const std::lock_guard lock(link_mutex_);
  if (detached_ || !links_.empty()) return absl::OkStatus();
  SetCountOnly(0);
  LinkResult result = CreateLinks(Order());
  if (result.error != 0) return LinkError(result.error, path_, static_cast<int>(link_pid_));
  links_ = std::move(result.links);
  BeginEpoch();
  return absl::OkStatus();
}

void AttachedLogpoint::BeginEpoch() {
  BpfRuntime::Impl& impl = *runtime_->impl_;
  for (const uint32_t entry : entries_) __atomic_store_n(&impl.sites[entry].epoch, impl.NextEpoch(), __ATOMIC_SEQ_CST);
}

void AttachedLogpoint::EndEpoch() {
  for (const uint32_t entry : entries_) __atomic_store_n(&runtime_->impl_->sites[entry].epoch, 0, __ATOMIC_SEQ_CST);
}

void AttachedLogpoint::SetCountOnly(uint32_t count_only) {
  __atomic_store_n(&runtime_->impl_->logpoints[logpoint_].count_only, count_only, __ATOMIC_RELAXED);
}

void AttachedLogpoint::SetAlarm(uint64_t hits) {
  BpfRuntime::Impl& impl = *runtime_->impl_;
  for (uint32_t cpu = 0; cpu < impl.program.cpus; ++cpu) {
    dlog_counters& counters = impl.counters[logpoint_ * impl.program.cpus + cpu];
    const uint64_t now = __atomic_load_n(&counters.value[DLOG_COUNT_HITS], __ATOMIC_RELAXED) +
                         __atomic_load_n(&counters.value[DLOG_COUNT_STARTS], __ATOMIC_RELAXED);
    __atomic_store_n(&counters.alarm, hits == 0 ? 0 : now + hits, __ATOMIC_RELAXED);
  }
}

// ---------------------------------------------------------------------------------------------- BpfRuntime

BpfRuntime::BpfRuntime(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BpfRuntime::~BpfRuntime() = default;

absl::StatusOr<std::unique_ptr<BpfRuntime>> BpfRuntime::Create(const RuntimeOptions& options) {
  if (absl::Status status = CheckKernelBtf(kKernelBtfPath); !status.ok()) return status;
  auto impl = std::make_unique<Impl>();
  impl->cache = BootCache(options.boot_cache);
  const Backend backend = options.backend.has_value() ? *options.backend : ChooseBackend(&impl->cache);
  auto program = LoadProgram(options.ring_bytes, options.sleepable, backend);
  if (!program.ok()) return program.status();
  impl->program = *std::move(program);
  if (absl::Status status = impl->MapTables(); !status.ok()) return status;
  impl->SetAttached(0);
  impl->try_vectors = options.try_vectors;
  if (absl::Status status = impl->TryProcessFilter(); !status.ok()) return status;
  return std::unique_ptr<BpfRuntime>(new BpfRuntime(std::move(impl)));
}

absl::StatusOr<std::unique_ptr<AttachedLogpoint>> BpfRuntime::Attach(const AttachRequest& request) {
  if (request.sites.empty()) return absl::InvalidArgumentError("a logpoint needs at least one site");
  if (PlacesOf(request) > DLOG_MAX_SITES) return TablesFull("sites");
  for (const SiteRequest& site : request.sites) {
    if (site.call.has_value() && site.call->entry >= request.entries.size()) {
      return absl::InvalidArgumentError("a return names an entry that does not exist");
    }
  }
  auto file = OpenRegularFile(request.path);
  if (!file.ok()) return file.status();
  std::unique_ptr<AttachedLogpoint> logpoint(new AttachedLogpoint());
  std::vector<size_t> usable;
  for (size_t place = 0; place < PlacesOf(request); ++place) {
    auto objection = CheckSite(file->get(), request.path, OffsetOf(request, place), InstructionOf(request, place),
                               impl_->Canaries());
    if (!objection.ok()) return objection.status();
    if (objection->empty()) {
      usable.push_back(place);
    } else {
      logpoint->Leave(request, place, *std::move(objection));
    }
  }
  if (logpoint->missing_.size() == request.sites.size()) return logpoint;
  uint32_t link_pid, tgid;
  if (absl::Status status = impl_->FillProcess(request.pid, request.leader_exited, &link_pid, &tgid); !status.ok())
    return status;
  if (absl::Status status = impl_->Reserve(request, this, logpoint.get()); !status.ok()) return status;
  impl_->WriteTables(request, tgid, *logpoint);
  logpoint->program_fd_ = impl_->ProgramFor(request, logpoint.get());
  logpoint->backend_ = impl_->program.backend;
  logpoint->path_ = request.path;
  logpoint->link_pid_ = link_pid;
  logpoint->file_ = *std::move(file);
  if (absl::Status status = logpoint->FirstLink(request, usable); !status.ok()) return status;
  return logpoint;
}

// Notes a place that carries no probe.
void AttachedLogpoint::Leave(const AttachRequest& request, size_t place, std::string reason) {
  if (IsEntry(request, place)) {
    missing_entries_.push_back({place - request.sites.size(), std::move(reason)});
  } else {
    missing_.push_back({place, std::move(reason)});
  }
}

// Like Rearm, but finds out which sites the kernel refuses.
absl::Status AttachedLogpoint::FirstLink(const AttachRequest& request, std::vector<size_t> usable) {
  const std::lock_guard lock(link_mutex_);
  const auto fill = [&] {
    offsets_.clear();
    cookies_.clear();
    for (const size_t place : usable) {
      offsets_.push_back(OffsetOf(request, place).value);
      cookies_.push_back(uint64_t{generation_} << 32 | (sites_.front() + place));
    }
  };
  fill();
  LinkResult result = CreateLinks(Order());
  if (result.error != 0 && result.refused.size() != usable.size()) {
    return LinkError(result.error, path_, static_cast<int>(link_pid_));
  }
  links_ = std::move(result.links);
  for (auto refused = result.refused.rbegin(); refused != result.refused.rend(); ++refused) {
    Leave(request, usable[*refused], "the kernel refuses a probe on this instruction");
    usable.erase(usable.begin() + static_cast<std::ptrdiff_t>(*refused));
  }
  if (missing_.size() == request.sites.size()) links_.clear();
  for (std::vector<MissingSite>* missing : {&missing_, &missing_entries_}) {
    std::sort(missing->begin(), missing->end(), [](const auto& a, const auto& b) { return a.site < b.site; });
  }
  fill();
  BeginEpoch();
  return absl::OkStatus();
}

absl::StatusOr<int> BpfRuntime::Poll(int timeout_ms, const std::function<void(const RawRecord&)>& on_record) {
  const auto deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
  const auto on_bytes = [this, &on_record](std::span<const uint8_t> bytes) {
    dlog_record& record = impl_->record;
    const std::optional<std::span<const uint8_t>> segments = UnpackRecord(bytes, &record);
    if (!segments.has_value()) return;
    on_record(RawRecord{&record, *segments});
    impl_->NoteConsumed(record, bytes.size());
  };
  if (impl_->quiet_polls >= kQuietPolls && impl_->ring->UsedBytes() == 0) {
    if (absl::Status status = impl_->SleepUntilWoken(); !status.ok()) return status;
  }
  while (true) {
    if (const int records = impl_->ring->Consume(on_bytes); records > 0) {
      if (impl_->quiet_polls >= kQuietPolls) __atomic_store_n(&impl_->reader[0].asleep, 0, __ATOMIC_SEQ_CST);
      impl_->quiet_polls = 0;
      return records;
    }
    if (impl_->quiet_polls >= kQuietPolls) return 0;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) {
      ++impl_->quiet_polls;
      return 0;
    }
    if (impl_->ring->UsedBytes() > 0) {
      std::this_thread::sleep_for(kBusyRecordWait);
      continue;
    }
    absl::Status status =
        impl_->ring->Wait(static_cast<int>(std::min<int64_t>(left, kPollSliceMs)), impl_->stop_waiting.get());
    if (!status.ok()) return status;
  }
}

void BpfRuntime::WaitAlarms(int timeout_ms, const std::function<void(uint32_t generation)>& on_alarm) {
  if (impl_->alarms->UsedBytes() == 0 && !impl_->alarms->Wait(timeout_ms, impl_->stop_waiting.get()).ok()) return;
  impl_->alarms->Consume([&on_alarm](std::span<const uint8_t> bytes) {
    dlog_alarm alarm;
    if (bytes.size() < sizeof(alarm)) return;
    std::memcpy(&alarm, bytes.data(), sizeof(alarm));
    on_alarm(alarm.generation);
  });
}

void BpfRuntime::StopWaiting() {
  const uint64_t one = 1;
  (void)!write(impl_->stop_waiting.get(), &one, sizeof(one));
}

const HitCosts& BpfRuntime::Costs() {
  std::call_once(impl_->costs_measured, [this] { impl_->costs = CostsOf(impl_->Canaries()); });
  return impl_->costs;
}

double BpfRuntime::RingUsedRatio() const {
  return static_cast<double>(impl_->ring->UsedBytes()) / static_cast<double>(impl_->ring->capacity());
}

bool BpfRuntime::sleepable() const { return impl_->program.sleepable; }
const InstructionCanaries& BpfRuntime::Canaries() { return impl_->Canaries(); }
Backend BpfRuntime::backend() const { return impl_->program.backend; }

}  // namespace dlog::attach
