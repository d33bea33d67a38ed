// SPDX-License-Identifier: Apache-2.0
#include "daemon/attach/program_loader.h"

#include <bpf/libbpf.h>
#include <sys/resource.h>

#include <algorithm>
#include <bit>
#include <cstdarg>
#include <cstdio>
#include <string>

#include "bpf/abi.h"
#include "daemon/attach/bpf_errors.h"
#include "daemon/attach/stack_check.h"
#include "logpoint.skel.h"

namespace dlog::attach {
namespace {

constexpr uint64_t kWakeupsPerRing = 8;
// What is kept free in a ring of several logpoints is for those that have less in it than such a part.
constexpr uint64_t kSharesPerRing = 32;

// libbpf reports details through one process-wide function only; what it said last on this thread goes into our error.
thread_local std::string last_libbpf_warning;

int KeepWarning(libbpf_print_level level, const char* format, va_list arguments) {
  if (level != LIBBPF_WARN) return 0;
  char line[512];
  vsnprintf(line, sizeof(line), format, arguments);
  last_libbpf_warning = line;
  while (!last_libbpf_warning.empty() && last_libbpf_warning.back() == '\n') last_libbpf_warning.pop_back();
  return 0;
}

// Kernels before 5.11 charge maps to RLIMIT_MEMLOCK. Newer ones do not, so a failure (no CAP_SYS_RESOURCE) decides
// nothing.
void RaiseMemlockLimit() {
  const rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
  (void)setrlimit(RLIMIT_MEMLOCK, &unlimited);
}

// Each logpoint holds some descriptors, and the usual soft limit of 1024 is for programs that use select().
void RaiseDescriptorLimit() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

int Configure(logpoint_bpf* skeleton, const LoadedProgram& program) {
  skeleton->rodata->dlog_ncpus = program.cpus;
  skeleton->rodata->dlog_wakeup_bytes = program.ring_bytes / kWakeupsPerRing;
  skeleton->rodata->dlog_share_bytes = program.ring_bytes / kSharesPerRing / program.cpus;
  bpf_program* chosen =
      program.sleepable ? skeleton->progs.dlog_logpoint_sleepable : skeleton->progs.dlog_logpoint_plain;
  bpf_program* other =
      program.sleepable ? skeleton->progs.dlog_logpoint_plain : skeleton->progs.dlog_logpoint_sleepable;
  bpf_program__set_autoload(other, false);
  // VectorCapture loads these, when a logpoint asks for it.
  bpf_program__set_autoload(skeleton->progs.dlog_logpoint_vectors, false);
  if (int error = bpf_map__set_autocreate(skeleton->maps.kicks, false)) return error;
  bpf_program__set_expected_attach_type(chosen, static_cast<bpf_attach_type>(ExpectedAttachType(program.backend)));
  if (int error = bpf_map__set_max_entries(skeleton->maps.counters_map, DLOG_MAX_LOGPOINTS * program.cpus))
    return error;
  if (int error = bpf_map__set_max_entries(skeleton->maps.consumed, DLOG_MAX_LOGPOINTS * program.cpus)) return error;
  if (int error = bpf_map__set_max_entries(skeleton->maps.scratch, DLOG_SCRATCH_PER_CPU * program.cpus)) return error;
  return bpf_map__set_max_entries(skeleton->maps.ring, static_cast<uint32_t>(program.ring_bytes));
}

absl::StatusOr<LoadedProgram> LoadVariant(uint64_t ring_bytes, bool sleepable, Backend backend) {
  LoadedProgram program;
  program.sleepable = sleepable;
  program.ring_bytes = ring_bytes;
  program.backend = backend;
  const int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) return LoadError(-cpus, "count the processors");
  program.cpus = static_cast<uint32_t>(cpus);
  last_libbpf_warning.clear();
  program.skeleton.reset(logpoint_bpf::open(nullptr));
  if (program.skeleton == nullptr) return LoadError(errno, last_libbpf_warning);
  if (int error = Configure(program.skeleton.get(), program)) return LoadError(-error, last_libbpf_warning);
  if (int error = logpoint_bpf::load(program.skeleton.get())) return LoadError(-error, last_libbpf_warning);
  const bpf_program* chosen =
      sleepable ? program.skeleton->progs.dlog_logpoint_sleepable : program.skeleton->progs.dlog_logpoint_plain;
  // Only now do the instructions include the functions that the program calls.
  absl::Status stack = CheckStackUse({bpf_program__insns(chosen), bpf_program__insn_cnt(chosen)});
  if (!stack.ok()) return stack;
  program.program_fd = bpf_program__fd(chosen);
  return program;
}

}  // namespace

void SkeletonDeleter::operator()(logpoint_bpf* skeleton) const { logpoint_bpf::destroy(skeleton); }

absl::StatusOr<LoadedProgram> LoadProgram(uint64_t ring_bytes, bool sleepable, Backend backend) {
  libbpf_set_print(KeepWarning);
  RaiseMemlockLimit();
  RaiseDescriptorLimit();
  ring_bytes = std::bit_ceil(std::clamp(ring_bytes, kMinRingBytes, kMaxRingBytes));
  if (sleepable) {
    auto program = LoadVariant(ring_bytes, true, backend);
    if (program.ok() || absl::IsPermissionDenied(program.status())) return program;
  }
  return LoadVariant(ring_bytes, false, backend);
}

}  // namespace dlog::attach
