// SPDX-License-Identifier: Apache-2.0
#include "daemon/attach/kernel_checks.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "bpf/abi.h"
#include "daemon/attach/boot_cache.h"
#include "daemon/attach/bpf_errors.h"
#include "daemon/attach/canary_program.h"
#include "daemon/attach/hit_costs.h"
#include "daemon/attach/vector_check.h"
#include "symbolizer/base/status_hint.h"
#include "symbolizer/base/unique_fd.h"

namespace dlog::attach {
namespace {

// CAP_PERFMON and CAP_BPF are newer (5.8) than some <linux/capability.h>.
constexpr int kCapPerfmon = 38;
constexpr int kCapBpf = 39;
constexpr long kUprobeSyscall = 336;  // arch/x86/entry/syscalls/syscall_64.tbl, 6.18

constexpr char kRootHint[] = "run as root or give the process CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE";
constexpr char kUprobeMultiHint[] = "Linux 6.6 or newer with CONFIG_UPROBES and CONFIG_BPF_EVENTS";

std::string ReadFile(const char* path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

KernelCheck Passed(const char* name, bool required, std::string detail) {
  return {name, true, required, std::move(detail), ""};
}

// The message of a failed step already names it; the hint is only of use with it.
KernelCheck FromStatus(const char* name, bool required, const absl::Status& status, const char* detail,
                       const char* hint) {
  if (status.ok()) return Passed(name, required, detail);
  return {name, false, required, std::string(status.message()), hint};
}

KernelCheck KernelVersion() {
  utsname name = {};
  uname(&name);
  return Passed("kernel", false, absl::StrCat(name.release, " ", name.machine));
}

KernelCheck Btf() {
  const absl::Status status = CheckKernelBtf(kKernelBtfPath);
  return FromStatus("btf", true, status, kKernelBtfPath, HintOf(status).c_str());
}

KernelCheck Privileges() {
  auto capabilities = EffectiveCapabilities(ReadFile("/proc/self/status"));
  if (!capabilities.ok()) return FromStatus("privileges", true, capabilities.status(), "", kRootHint);
  return PrivilegeCheck(*capabilities);
}

KernelCheck BpfLoad() {
  return FromStatus("bpf_load", true, TryLoadProgram(false), "a uprobe program loads", kRootHint);
}

KernelCheck RingBuffer() {
  constexpr uint32_t kBytes = 64 << 10;
  const UniqueFd map(bpf_map_create(BPF_MAP_TYPE_RINGBUF, "dlog_check", 0, 0, kBytes, nullptr));
  const absl::Status status = map.valid() ? absl::OkStatus() : absl::ErrnoToStatus(errno, "create a ring buffer");
  return FromStatus("ring_buffer", true, status, "a ring buffer can be created", "Linux 5.8 or newer");
}

KernelCheck UprobeMulti(bool perf_works) {
  return FromStatus("uprobe_multi", !perf_works, TryBackend(Backend::kUprobeMulti, false),
                    "a probe on this process was hit", kUprobeMultiHint);
}

KernelCheck PerfEvents() {
  return FromStatus("perf_events", false, TryBackend(Backend::kPerfEvents, false), "a probe on this process was hit",
                    "only of use where uprobe_multi is missing: Linux 5.15 or newer with CONFIG_UPROBE_EVENTS");
}

Backend ChosenBackend() {
  BootCache cache(BootCachePath());
  return ChooseBackend(&cache);
}

KernelCheck Sleepable() {
  return FromStatus("sleepable", false, TryBackend(ChosenBackend(), true), "memory that is not in RAM can be captured",
                    "without it (before Linux 6.0) values on pages that are not in RAM are shown as unreadable");
}

KernelCheck PerProcessFilter() {
  auto works = PerProcessFilterWorks(ChosenBackend());
  constexpr char kHint[] = "before Linux 6.10 other processes that run the same file pay for the probe too";
  if (!works.ok()) return FromStatus("process_filter", false, works.status(), "", kHint);
  if (!*works)
    return {"process_filter", false, false, "hits of other threads are lost; filtering in the program", kHint};
  return Passed("process_filter", false, "a probe stays within one process");
}

KernelCheck VectorRegisters() {
  BootCache cache(BootCachePath());
  return FromStatus("vector_registers", false, VectorRegistersWork(&cache),
                    "values in xmm registers can be captured exactly",
                    "without it (before Linux 5.18, or without CAP_SYS_NICE) they are shown as unreadable");
}

const InstructionCanaries& Canaries() {
  BootCache cache(BootCachePath());
  return KernelCanaries(ChosenBackend(), &cache);
}

KernelCheck Costs() {
  const HitCosts costs = CostsOf(Canaries());
  return Passed("hit_cost", false,
                absl::StrCat("about ", costs.emulated_ns, " ns on an emulated instruction, ", costs.stepped_ns,
                             " ns on a stepped one"));
}

KernelCheck MemlockLimit() {
  rlimit limit = {};
  getrlimit(RLIMIT_MEMLOCK, &limit);
  const rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
  const bool raised = setrlimit(RLIMIT_MEMLOCK, &unlimited) == 0;
  const std::string why = raised ? "can be raised" : absl::StrCat("cannot be raised: ", std::strerror(errno));
  if (raised) setrlimit(RLIMIT_MEMLOCK, &limit);
  // Since 5.11 maps are charged to the memory cgroup. The helper came with the same release; libbpf asks the same way.
  const bool by_cgroup =
      libbpf_probe_bpf_helper(BPF_PROG_TYPE_SOCKET_FILTER, BPF_FUNC_ktime_get_coarse_ns, nullptr) == 1;
  if (by_cgroup) return Passed("memlock", false, "not needed: this kernel charges maps to the memory cgroup");
  return {"memlock", raised, false, absl::StrCat("RLIMIT_MEMLOCK ", why),
          raised ? "" : "raise LimitMEMLOCK of the service, or run as root with CAP_SYS_RESOURCE"};
}

KernelCheck OptimizedProbes() {
  errno = 0;
  const long result = syscall(kUprobeSyscall);
  return OptimizedProbeCheck(result == 0 ? 0 : errno);
}

KernelCheck Yama() {
  const std::string text = ReadFile("/proc/sys/kernel/yama/ptrace_scope");
  if (text.empty()) return Passed("ptrace_scope", false, "yama is not active");
  return Passed("ptrace_scope", false, absl::StrCat("yama ptrace_scope ", absl::StripAsciiWhitespace(text)));
}

}  // namespace

absl::StatusOr<uint64_t> EffectiveCapabilities(const std::string& status_text) {
  for (absl::string_view line : absl::StrSplit(status_text, '\n')) {
    uint64_t value;
    if (absl::ConsumePrefix(&line, "CapEff:") && absl::SimpleHexAtoi(absl::StripAsciiWhitespace(line), &value)) {
      return value;
    }
  }
  return absl::DataLossError("/proc/self/status has no CapEff line");
}

KernelCheck PrivilegeCheck(uint64_t capabilities) {
  const auto has = [capabilities](int bit) { return (capabilities >> bit & 1) != 0; };
  std::vector<std::string> held, missing;
  const auto note = [&](int bit, const char* name) { (has(bit) ? held : missing).push_back(name); };
  note(kCapBpf, "CAP_BPF");
  note(kCapPerfmon, "CAP_PERFMON");
  note(CAP_SYS_ADMIN, "CAP_SYS_ADMIN");
  note(CAP_SYS_PTRACE, "CAP_SYS_PTRACE");
  // CAP_SYS_ADMIN includes the two newer ones.
  const bool ok = has(CAP_SYS_ADMIN) || (has(kCapBpf) && has(kCapPerfmon));
  std::string detail = held.empty() ? "none of the needed capabilities" : absl::StrJoin(held, " ");
  if (!missing.empty()) absl::StrAppend(&detail, "; without ", absl::StrJoin(missing, " "));
  return {"privileges", ok, true, detail, ok ? "" : kRootHint};
}

KernelCheck OptimizedProbeCheck(int error) {
  KernelCheck check = {"optimized_probes", true, false, "", ""};
  switch (error) {
    case ENXIO:
      check.detail = "first generation (5-byte NOP): not used, it overwrites the red zone and kills forked children";
      break;
    case EPROTO:
      check.detail = "repaired generation (10-byte NOP)";
      break;
    case ENOSYS:
      check.detail = "none";
      break;
    default:
      check.detail = absl::StrCat("unknown: ", error == 0 ? "the call succeeded" : std::strerror(error));
      break;
  }
  return check;
}

KernelCheck CanaryCheck(const CanaryResult& result) {
  KernelCheck check = {absl::StrCat("probe_", result.name), true, false, VerdictName(result.verdict), ""};
  if (!result.detail.empty()) absl::StrAppend(&check.detail, ": ", result.detail);
  if (result.cost_ns > 0) absl::StrAppend(&check.detail, ", ", result.cost_ns, " ns");
  if (!result.used) {
    if (result.verdict != CanaryVerdict::kSafe) absl::StrAppend(&check.detail, " (never used)");
    return check;
  }
  check.ok = result.verdict == CanaryVerdict::kSafe;
  if (!check.ok) {
    check.hint = result.verdict == CanaryVerdict::kUnknown
                     ? "run as root; until this is tried, what is known of kernels decides"
                     : "logpoints whose sites are such instructions are refused";
  }
  return check;
}

std::vector<KernelCheck> RunKernelChecks() {
  const KernelCheck perf_events = PerfEvents();
  std::vector<KernelCheck> checks = {
      KernelVersion(),   Btf(),       Privileges(),       BpfLoad(),         RingBuffer(), UprobeMulti(perf_events.ok),
      perf_events,       Sleepable(), PerProcessFilter(), VectorRegisters(), Costs(),      MemlockLimit(),
      OptimizedProbes(), Yama()};
  for (const CanaryResult& result : Canaries().results()) checks.push_back(CanaryCheck(result));
  return checks;
}

}  // namespace dlog::attach
