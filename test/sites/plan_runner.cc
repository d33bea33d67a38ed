// SPDX-License-Identifier: Apache-2.0
#include "test/sites/plan_runner.h"

#include <sys/uio.h>

#include <algorithm>
#include <cstring>

namespace {

// What the interpreter sees; set for the length of a run.
struct Environment {
  const dlog::attach::AssembledPlan* plan = nullptr;
  pid_t process = 0;
};
Environment environment;

long ReadProcess(void* out, size_t length, uint64_t address) {
  const iovec local = {out, length};
  const iovec remote = {reinterpret_cast<void*>(address), length};
  if (process_vm_readv(environment.process, &local, 1, &remote, 1, 0) == static_cast<ssize_t>(length)) return 0;
  std::memset(out, 0, length);
  return -14;
}

}  // namespace

#define DLOG_INLINE inline
#define DLOG_OWN_FRAME
#define DLOG_OPAQUE(x) (void)(x)
#define DLOG_UNROLL

static const dlog_op* dlog_env_op(dlog_u32 i) {
  return i < environment.plan->ops.size() ? &environment.plan->ops[i] : nullptr;
}
static const dlog_range* dlog_env_routine(dlog_u32 i) {
  return i < environment.plan->routines.size() ? &environment.plan->routines[i] : nullptr;
}
static long dlog_env_read(void* dst, dlog_u32 length, dlog_u64 address, int /*sleepable*/) {
  return ReadProcess(dst, length, address);
}
static long dlog_env_load(dlog_u64* value, dlog_u32 size, dlog_u64 address, int /*sleepable*/) {
  return ReadProcess(value, size, address);
}
static long dlog_env_read_string(void* dst, dlog_u32 size, dlog_u64 address) {
  auto* out = static_cast<char*>(dst);
  for (dlog_u32 i = 0; i < size; ++i) {
    if (ReadProcess(out + i, 1, address + i) != 0) return -14;
    if (out[i] == 0) return static_cast<long>(i) + 1;
  }
  out[size - 1] = 0;
  return size;
}
static void dlog_env_store64(void* dst, dlog_u64 value) { memcpy(dst, &value, sizeof(value)); }
static dlog_u64 dlog_env_fetch64(const void* src) {
  dlog_u64 value;
  memcpy(&value, src, sizeof(value));
  return value;
}

#include "bpf/interpreter.bpf.h"

namespace dlog::test {

PlanRunner::PlanRunner(pid_t process) : process_(process), scratch_(std::make_unique<dlog_scratch>()) {}
PlanRunner::~PlanRunner() = default;

CapturedRecord PlanRunner::Run(const attach::AssembledPlan& plan, const MachineState& state) {
  dlog_scratch* s = scratch_.get();
  dlog_site site = {};
  site.max_depth = 3;
  site.max_bytes = 16384;
  environment = {&plan, process_};
  dlog_begin_hit(s, &site, DLOG_NO_DURATION);
  std::copy(state.registers.begin(), state.registers.end(), s->cells);
  std::memcpy(s->vectors, state.vectors.data(), sizeof(s->vectors));
  s->vectors_known = 1;
  dlog_put_vectors(s, plan.vector_mask, s->budget);
  dlog_begin(s, &plan.capture, 0);
  for (int i = 0; i < DLOG_LOOP_STEPS && dlog_step(s, 1) == 0; ++i) {
  }
  environment = {};
  CapturedRecord record;
  for (size_t i = 0; i < state.registers.size(); ++i) {
    if (plan.register_mask >> i & 1) record.header.regs[i] = state.registers[i];
  }
  record.header.data_bytes = s->cursor;
  record.header.flags = static_cast<uint16_t>(s->flags);
  record.segments.assign(s->data, s->data + s->cursor);
  return record;
}

}  // namespace dlog::test
