// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
//
// The uprobe programs of a logpoint. Per hit: find the site by the cookie, check the process, count, evaluate the
// condition, take from the token bucket, capture, submit. For each hit that is counted exactly one of SUBMITTED,
// FILTERED, RATE_LIMITED or a drop reason is counted too. Always returns 0: other values once meant "remove the probe".
//
// A hit may be preempted, and in the sleepable program may sleep, but stays on its CPU (the kernel disables migration):
// what is per CPU is still shared by several hits, hence atomics and the pool of scratch buffers.
//
// It is also why no function here may use 64 bytes of stack or more (daemon/attach/stack_check refuses to load it
// then): from 6.13 on the kernel gives such a function of a uprobe program a stack per CPU instead of the task's
// (private stack, mode PRIV_STACK_ADAPTIVE of kernel/bpf/verifier.c), and nothing keeps a second hit on the same CPU
// from overwriting it. So what outlives a call sits in the scratch buffer or is looked up again.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include <bpf/bpf_core_read.h>

#include "abi.h"
#include "kernel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile dlog_u32 dlog_ncpus = 1;            /* possible CPUs */
const volatile dlog_u64 dlog_wakeup_bytes = ~0ULL; /* power of two: woken each time this much more is waiting */

const volatile dlog_u64 dlog_share_bytes = ~0ULL; /* of one logpoint on one CPU, in a crowded ring */

#define DLOG_KICK_RING_BYTES 4096
#define DLOG_KICKS 3 /* tries to be switched away from */
#define DLOG_ENOENT 2

/* The XSAVE image (Intel SDM volume 1, 13.4). */
#define DLOG_XMM_AREA 160
#define DLOG_XSTATE_BV 512
#define DLOG_XSTATE_SSE 2

#define DLOG_TABLE(table, entry, entries) \
  struct {                                \
    __uint(type, BPF_MAP_TYPE_ARRAY);     \
    __uint(max_entries, entries);         \
    __uint(map_flags, BPF_F_MMAPABLE);    \
    __type(key, dlog_u32);                \
    __type(value, entry);                 \
  } table SEC(".maps")

DLOG_TABLE(sites, struct dlog_site, DLOG_MAX_SITES);
DLOG_TABLE(ops, struct dlog_op, DLOG_MAX_OPS);
DLOG_TABLE(routines, struct dlog_range, DLOG_MAX_ROUTINES);
DLOG_TABLE(logpoints, struct dlog_logpoint, DLOG_MAX_LOGPOINTS);
DLOG_TABLE(reader, struct dlog_reader, 1);
DLOG_TABLE(counters_map, struct dlog_counters, DLOG_MAX_LOGPOINTS); /* times CPUs; the loader sets it */
DLOG_TABLE(consumed, dlog_u64, DLOG_MAX_LOGPOINTS);                 /* likewise */

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, DLOG_SCRATCH_PER_CPU); /* times CPUs; the loader sets it */
  __type(key, dlog_u32);
  __type(value, struct dlog_scratch);
} scratch SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 8 << 20); /* the loader sets it */
} ring SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 64 << 10);
} alarms SEC(".maps");

/* Forgets by itself what was left behind by calls that never returned. */
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, DLOG_MAX_STARTS);
  __type(key, struct dlog_start);
  __type(value, dlog_u64);
} starts SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, DLOG_MAX_KEPT);
  __type(key, struct dlog_start);
  __type(value, struct dlog_kept);
} kept SEC(".maps");

struct kick_ring {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, DLOG_KICK_RING_BYTES);
};

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, 1); /* CPUs; the loader sets it */
  __type(key, dlog_u32);
  __array(values, struct kick_ring);
} kicks SEC(".maps");

/* ---------------------------------------------------------------- the interpreter's environment */

#define DLOG_INLINE inline __attribute__((always_inline))
#define DLOG_OWN_FRAME __attribute__((noinline)) /* keeps the stack of each function small */
#define DLOG_OPAQUE(x) asm volatile("" : "+r"(x))
#define DLOG_UNROLL _Pragma("clang loop unroll(full)")

static DLOG_INLINE const struct dlog_op* dlog_env_op(dlog_u32 index) { return bpf_map_lookup_elem(&ops, &index); }

static DLOG_INLINE const struct dlog_range* dlog_env_routine(dlog_u32 index) {
  return bpf_map_lookup_elem(&routines, &index);
}

/* bpf_copy_from_user() checks a destination that is not on the stack (CONFIG_HARDENED_USERCOPY looks up the vmalloc
 * area of the map), which costs as much as the read: so into a map it is the second try. Measured: 113 against 85 ns;
 * to the stack 55 ns. */
static DLOG_INLINE long dlog_env_read(void* dst, dlog_u32 length, dlog_u64 address, int sleepable) {
  const long failed = bpf_probe_read_user(dst, length, (const void*)address);
  if (failed && sleepable) return bpf_copy_from_user(dst, length, (const void*)address);
  return failed;
}

static DLOG_INLINE long dlog_env_load(dlog_u64* value, dlog_u32 size, dlog_u64 address, int sleepable) {
  if (sleepable) return bpf_copy_from_user(value, size, (const void*)address);
  return bpf_probe_read_user(value, size, (const void*)address);
}

static DLOG_INLINE long dlog_env_read_string(void* dst, dlog_u32 size, dlog_u64 address) {
  return bpf_probe_read_user_str(dst, size, (const void*)address);
}

static DLOG_INLINE void dlog_env_store64(void* dst, dlog_u64 value) { *(dlog_u64*)dst = value; }

static DLOG_INLINE dlog_u64 dlog_env_fetch64(const void* src) { return *(const dlog_u64*)src; }

#include "interpreter.bpf.h"

/* A callback gets a pointer to the stack, so the scratch pointer travels through it. */
struct dlog_loop {
  struct dlog_scratch* scratch;
};

static long dlog_step_sleepable(__u32 step, struct dlog_loop* loop) { return dlog_step(loop->scratch, 1); }
static long dlog_step_plain(__u32 step, struct dlog_loop* loop) { return dlog_step(loop->scratch, 0); }

static DLOG_INLINE void dlog_run(struct dlog_scratch* s, const struct dlog_range* range, dlog_u32 condition,
                                 int sleepable) {
  struct dlog_loop loop = {.scratch = s};
  dlog_begin(s, range, condition);
  if (sleepable) {
    bpf_loop(DLOG_LOOP_STEPS, dlog_step_sleepable, &loop, 0);
  } else {
    bpf_loop(DLOG_LOOP_STEPS, dlog_step_plain, &loop, 0);
  }
}

/* Without branches: the verifier sees one path, the CPU predicts nothing. */
#define DLOG_MASKED(mask, n, value) ((value) & -(dlog_u64)((mask) >> (n)&1))

/* Buffers left busy are those of hits that were preempted or are waiting for a page. */
static DLOG_INLINE struct dlog_scratch* dlog_acquire_scratch(void) {
  dlog_u32 key = bpf_get_smp_processor_id() * DLOG_SCRATCH_PER_CPU;
  DLOG_UNROLL
  for (dlog_u32 i = 0; i < DLOG_SCRATCH_PER_CPU; ++i, ++key) {
    struct dlog_scratch* s = bpf_map_lookup_elem(&scratch, &key);
    if (s && __sync_val_compare_and_swap(&s->busy, 0, 1) == 0) return s;
  }
  return 0;
}

/* Only hits on this CPU look at it, so the compiler's order is all that is needed. */
static DLOG_INLINE void dlog_release_scratch(struct dlog_scratch* s) {
  asm volatile("" : : : "memory");
  *(volatile dlog_u32*)&s->busy = 0;
}

/* ---------------------------------------------------------------- what the start of a call knows */

static DLOG_INLINE void dlog_start_key(struct dlog_start* key, const struct pt_regs* ctx,
                                       const struct dlog_site* site) {
  dlog_u64 rbp = ctx->bp, rsp = ctx->sp;
  /* Both are read: the verifier takes no address within the context that was computed. */
  DLOG_OPAQUE(rbp);
  DLOG_OPAQUE(rsp);
  key->slot = (site->flags & DLOG_SITE_SLOT_RBP ? rbp : rsp) + (dlog_u64)(dlog_s64)site->slot_offset;
  key->tgid = (dlog_u32)(bpf_get_current_pid_tgid() >> 32);
}

/* A call begins. What a call that never returned has left at the same place must not stay: it would be taken for the
 * start of this one. */
static DLOG_OWN_FRAME int dlog_note_start(struct pt_regs* ctx, struct dlog_site* site) {
  struct dlog_start key;
  dlog_u64 now;
  long failed;
  dlog_start_key(&key, ctx, site);
  key.epoch = *(volatile dlog_u32*)&site->epoch;
  if (!key.epoch) return 0;
  now = bpf_ktime_get_boot_ns();
  if (!bpf_map_update_elem(&starts, &key, &now, BPF_ANY)) return 0;
  failed = bpf_map_delete_elem(&starts, &key);
  if (failed && failed != -DLOG_ENOENT) *(volatile dlog_u32*)&site->epoch = 0;
  return 0;
}

/* Process ids are used again: a start from before the process was made is that of another. */
static DLOG_OWN_FRAME dlog_u64 dlog_process_start(void) {
  const struct task_struct* task = (const struct task_struct*)bpf_get_current_task();
  struct task_struct* leader = 0;
  dlog_u64 start = DLOG_NO_DURATION;
  bpf_core_read(&leader, sizeof(leader), &task->group_leader);
  bpf_core_read(&start, sizeof(start), &leader->start_boottime);
  return start;
}

/* A call ends: nanoseconds since it began, or DLOG_NO_DURATION. The entry of the table can be given to another key
 * while it is read; that the key can still be deleted afterwards shows that it was not: nobody but the start of a call
 * at the same place adds it, and this call has not left that yet. */
static DLOG_OWN_FRAME dlog_u64 dlog_take_duration(struct pt_regs* ctx, const struct dlog_site* site) {
  const dlog_u64 now = bpf_ktime_get_boot_ns();
  dlog_u32 index = site->entry;
  const struct dlog_site* entry = bpf_map_lookup_elem(&sites, &index);
  struct dlog_start key;
  const dlog_u64* started;
  dlog_u64 start;
  if (!entry) return DLOG_NO_DURATION;
  dlog_start_key(&key, ctx, site);
  key.epoch = *(const volatile dlog_u32*)&entry->epoch;
  if (!key.epoch) return DLOG_NO_DURATION;
  started = bpf_map_lookup_elem(&starts, &key);
  if (!started) return DLOG_NO_DURATION;
  start = *(const volatile dlog_u64*)started;
  if (bpf_map_delete_elem(&starts, &key) || start < dlog_process_start() || start > now) return DLOG_NO_DURATION;
  return now - start;
}

static DLOG_OWN_FRAME void dlog_forget_kept(struct dlog_start* key, struct dlog_site* site) {
  const long failed = bpf_map_delete_elem(&kept, key);
  if (failed && failed != -DLOG_ENOENT) *(volatile dlog_u32*)&site->epoch = 0;
}

/* A call begins: keeps its registers, or at least nothing of a call before at the same place. */
static DLOG_OWN_FRAME int dlog_keep_registers(struct pt_regs* ctx, struct dlog_site* site) {
  struct dlog_start key;
  struct dlog_scratch* s;
  const dlog_u32 mask = site->entry_mask; /* what nobody asked for is not copied */
  long failed = 1;
  dlog_start_key(&key, ctx, site);
  key.epoch = *(volatile dlog_u32*)&site->epoch;
  if (!key.epoch) return 0;
  s = dlog_acquire_scratch();
  if (s) {
    s->kept.regs[0] = DLOG_MASKED(mask, 0, ctx->di);
    s->kept.regs[1] = DLOG_MASKED(mask, 1, ctx->si);
    s->kept.regs[2] = DLOG_MASKED(mask, 2, ctx->dx);
    s->kept.regs[3] = DLOG_MASKED(mask, 3, ctx->cx);
    s->kept.regs[4] = DLOG_MASKED(mask, 4, ctx->r8);
    s->kept.regs[5] = DLOG_MASKED(mask, 5, ctx->r9);
    s->kept.boot_ns = bpf_ktime_get_boot_ns();
    failed = bpf_map_update_elem(&kept, &key, &s->kept, BPF_ANY);
    dlog_release_scratch(s);
  }
  if (failed) dlog_forget_kept(&key, site);
  return 0;
}

/* In a call: what it began with, into the scratch buffer, when that is known. The entry of the table can be given to
 * another key while it is read; that it is still there afterwards shows that it was not: nobody but the start of a call
 * at the same place adds it, and this call has not left that yet. */
static DLOG_OWN_FRAME int dlog_find_kept(struct pt_regs* ctx, const struct dlog_site* site, struct dlog_scratch* s) {
  dlog_u32 index = site->entry;
  const struct dlog_site* entry = bpf_map_lookup_elem(&sites, &index);
  struct dlog_start key;
  const volatile struct dlog_kept* found;
  if (!entry) return 0;
  dlog_start_key(&key, ctx, site);
  key.epoch = *(const volatile dlog_u32*)&entry->epoch;
  if (!key.epoch) return 0;
  found = bpf_map_lookup_elem(&kept, &key);
  if (!found) return 0;
  DLOG_UNROLL
  for (int n = 0; n < DLOG_KEPT_REGISTERS; ++n) s->kept.regs[n] = found->regs[n];
  s->kept.boot_ns = found->boot_ns;
  if (bpf_map_lookup_elem(&kept, &key) && s->kept.boot_ns >= dlog_process_start()) s->kept_known = 1;
  return 0;
}

static DLOG_INLINE dlog_u64 dlog_duration_of(struct pt_regs* ctx, const struct dlog_site* site) {
  return site->flags & DLOG_SITE_RETURN ? dlog_take_duration(ctx, site) : DLOG_NO_DURATION;
}

/* ---------------------------------------------------------------- one hit */

static DLOG_INLINE void dlog_count(struct dlog_counters* counters, dlog_u32 counter, dlog_u64 n) {
  __sync_fetch_and_add(&counters->value[counter], n);
}

static DLOG_INLINE void dlog_count_drop(struct dlog_counters* counters, dlog_u32 reason) {
  dlog_count(counters, DLOG_COUNT_DROP_FIRST + reason, 1);
}

/* Generic cell rate algorithm: next_free_ns runs interval_ns ahead with each admitted hit and must not be more than
 * burst_ns ahead of now. */
static DLOG_OWN_FRAME int dlog_take_token(struct dlog_logpoint* lp, dlog_u64 now) {
  const dlog_u64 interval = lp->interval_ns;
  const dlog_u64 limit = now + lp->burst_ns;
  dlog_u64 seen = lp->next_free_ns;
  DLOG_UNROLL
  for (int i = 0; i < 8; ++i) {
    const dlog_u64 next = (seen > now ? seen : now) + interval;
    dlog_u64 old;
    if (next > limit) return 0;
    old = __sync_val_compare_and_swap(&lp->next_free_ns, seen, next);
    if (old == seen) return 1;
    seen = old;
  }
  return 0; /* eight others took a token meanwhile: that is a rate to limit */
}

static DLOG_INLINE int dlog_sampled_out(struct dlog_logpoint* lp) {
  if (lp->sample_every > 1 && __sync_fetch_and_add(&lp->sampled, 1) % lp->sample_every != 0) return 1;
  return lp->sample_below && bpf_get_prandom_u32() >= lp->sample_below;
}

/* True when the hit is to be captured; counts it otherwise. */
static DLOG_INLINE int dlog_admit(struct dlog_logpoint* lp, struct dlog_counters* counters, dlog_u64 now) {
  if (dlog_sampled_out(lp)) {
    dlog_count(counters, DLOG_COUNT_SAMPLED_OUT, 1);
    return 0;
  }
  if (lp->interval_ns && !dlog_take_token(lp, now)) {
    dlog_count(counters, DLOG_COUNT_RATE_LIMITED, 1);
    return 0;
  }
  if (lp->max_hits) {
    const volatile dlog_u64* admitted = &lp->admitted;
    if (*admitted >= lp->max_hits || __sync_fetch_and_add(&lp->admitted, 1) >= lp->max_hits) {
      dlog_count_drop(counters, DLOG_DROP_AFTER_END);
      return 0;
    }
  }
  return 1;
}

static DLOG_OWN_FRAME dlog_u64 dlog_thread_pointer(void) {
  const struct task_struct* task = (const struct task_struct*)bpf_get_current_task();
  unsigned long base = 0;
  bpf_probe_read_kernel(&base, sizeof(base), &task->thread.fsbase);
  return base;
}

static DLOG_INLINE void dlog_store_registers(dlog_u64* out, const struct pt_regs* ctx, dlog_u32 mask) {
  out[0] = DLOG_MASKED(mask, 0, ctx->ax);
  out[1] = DLOG_MASKED(mask, 1, ctx->dx);
  out[2] = DLOG_MASKED(mask, 2, ctx->cx);
  out[3] = DLOG_MASKED(mask, 3, ctx->bx);
  out[4] = DLOG_MASKED(mask, 4, ctx->si);
  out[5] = DLOG_MASKED(mask, 5, ctx->di);
  out[6] = DLOG_MASKED(mask, 6, ctx->bp);
  out[7] = DLOG_MASKED(mask, 7, ctx->sp);
  out[8] = DLOG_MASKED(mask, 8, ctx->r8);
  out[9] = DLOG_MASKED(mask, 9, ctx->r9);
  out[10] = DLOG_MASKED(mask, 10, ctx->r10);
  out[11] = DLOG_MASKED(mask, 11, ctx->r11);
  out[12] = DLOG_MASKED(mask, 12, ctx->r12);
  out[13] = DLOG_MASKED(mask, 13, ctx->r13);
  out[14] = DLOG_MASKED(mask, 14, ctx->r14);
  out[15] = DLOG_MASKED(mask, 15, ctx->r15);
  out[16] = DLOG_MASKED(mask, 16, ctx->ip);
  out[DLOG_THREAD_POINTER] = mask & (1u << DLOG_THREAD_POINTER) ? dlog_thread_pointer() : 0;
  out[DLOG_THREAD] = mask & (1u << DLOG_THREAD) ? bpf_get_current_pid_tgid() : 0;
}

/* A load that stays as it is: clang would load through a pointer that it computes, which the verifier refuses for a
 * context. */
#define DLOG_LOAD_REGISTER(value, ctx, name) \
  asm volatile("%0 = *(u64 *)(%1 + %2)" : "=r"(value) : "r"(ctx), "i"(__builtin_offsetof(struct pt_regs, name)))

#define DLOG_CASE_REGISTER(number, name)  \
  case number:                            \
    DLOG_LOAD_REGISTER(value, ctx, name); \
    break

/* Register `number`, of the first 17; 0 for another. */
static DLOG_INLINE dlog_u64 dlog_one_register(const struct pt_regs* ctx, dlog_u32 number) {
  dlog_u64 value = 0;
  switch (number) {
    DLOG_CASE_REGISTER(0, ax);
    DLOG_CASE_REGISTER(1, dx);
    DLOG_CASE_REGISTER(2, cx);
    DLOG_CASE_REGISTER(3, bx);
    DLOG_CASE_REGISTER(4, si);
    DLOG_CASE_REGISTER(5, di);
    DLOG_CASE_REGISTER(6, bp);
    DLOG_CASE_REGISTER(7, sp);
    DLOG_CASE_REGISTER(8, r8);
    DLOG_CASE_REGISTER(9, r9);
    DLOG_CASE_REGISTER(10, r10);
    DLOG_CASE_REGISTER(11, r11);
    DLOG_CASE_REGISTER(12, r12);
    DLOG_CASE_REGISTER(13, r13);
    DLOG_CASE_REGISTER(14, r14);
    DLOG_CASE_REGISTER(15, r15);
    DLOG_CASE_REGISTER(16, ip);
  }
  return value;
}

/* What is read of the task directly saves the calls of two helpers. */
static DLOG_INLINE void dlog_fill_start(struct dlog_record_start* start, const struct dlog_site* site, dlog_u64 now,
                                        dlog_u32 flags) {
  const struct task_struct* task = bpf_get_current_task_btf();
  start->boot_ns = now;
  start->generation = site->generation;
  start->tgid = task->tgid;
  start->tid = task->pid;
  start->register_mask = site->register_mask;
  start->site = (dlog_u16)site->index;
  start->data_bytes = 0;
  start->flags = (dlog_u16)flags;
  start->cpu = (dlog_u16)bpf_get_smp_processor_id();
  start->comm[0] = *(const dlog_u64*)&task->comm[0];
  start->comm[1] = *(const dlog_u64*)&task->comm[8];
}

/* Bytes that wait in the ring. */
static DLOG_INLINE dlog_u64 dlog_waiting(void) { return bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA); }

/* The consumer polls while records come, and is woken only when a burst fills another wakeup_bytes, so that a hit does
 * not pay for a wake-up; the first record after a quiet time does. `waiting`: before this record. */
static DLOG_INLINE dlog_u64 dlog_wakeup_flags(struct dlog_reader* consumer, dlog_u64 waiting, dlog_u64 bytes) {
  if (consumer->asleep) {
    consumer->asleep = 0;
    return BPF_RB_FORCE_WAKEUP;
  }
  if ((waiting ^ (waiting + bytes)) & dlog_wakeup_bytes) return BPF_RB_FORCE_WAKEUP;
  return BPF_RB_NO_WAKEUP;
}

static DLOG_INLINE struct dlog_reader* dlog_consumer(void) {
  const dlog_u32 only = 0;
  return bpf_map_lookup_elem(&reader, &only);
}

/* One logpoint that is hit all the time must not take the room of those that are hit now and then: once the ring is
 * nearly full, what of its records waits there is held against it. Counts the hit when it may not go on. */
static DLOG_INLINE int dlog_has_room(const struct dlog_reader* consumer, dlog_u64 waiting, const struct dlog_site* site,
                                     struct dlog_counters* counters) {
  dlog_u32 key;
  const dlog_u64* out;
  if (waiting <= consumer->crowded_bytes) return 1;
  key = site->logpoint * dlog_ncpus + bpf_get_smp_processor_id();
  out = bpf_map_lookup_elem(&consumed, &key);
  if (!out || (dlog_s64)(counters->value[DLOG_COUNT_BYTES] - *out) <= (dlog_s64)dlog_share_bytes) return 1;
  dlog_count_drop(counters, DLOG_DROP_RING_SHARE);
  return 0;
}

static DLOG_INLINE void dlog_count_submitted(struct dlog_counters* counters, dlog_u64 bytes) {
  dlog_count(counters, DLOG_COUNT_SUBMITTED, 1);
  dlog_count(counters, DLOG_COUNT_BYTES, bytes);
}

/* True when the condition holds; counts the hit otherwise. */
static DLOG_INLINE int dlog_condition_holds(struct dlog_scratch* s, const struct dlog_site* site,
                                            struct dlog_counters* counters, int sleepable) {
  if (site->condition.count == 0) return 1;
  dlog_run(s, &site->condition, 1, sleepable);
  if (s->verdict == DLOG_VERDICT_DONE) return 1;
  if (s->verdict == DLOG_VERDICT_REJECTED) {
    dlog_count(counters, DLOG_COUNT_FILTERED, 1);
  } else if (s->verdict == DLOG_VERDICT_ERROR) {
    dlog_count_drop(counters, DLOG_DROP_CONDITION_ERROR);
  } else {
    dlog_count_drop(counters, DLOG_DROP_BAD_PLAN);
  }
  return 0;
}

static DLOG_INLINE struct dlog_few_record* dlog_few_of(struct dlog_scratch* s) {
  return (void*)((char*)&s->record + sizeof(struct dlog_full_record) - sizeof(struct dlog_few_record));
}

static DLOG_INLINE void dlog_capture_and_submit(struct dlog_scratch* s, const struct dlog_site* site,
                                                struct dlog_counters* counters, int sleepable) {
  struct dlog_reader* consumer = dlog_consumer();
  struct dlog_record_start* start;
  dlog_u64 waiting;
  dlog_u32 bytes;
  if (!consumer) return;
  if (site->flags & DLOG_SITE_RETURN) dlog_put_duration(s, s->budget);
  if (site->entry_mask) dlog_put_kept(s, site->entry_mask, s->budget);
  if (sleepable && site->vector_mask) dlog_put_vectors(s, site->vector_mask, s->budget);
  if (site->capture.count) {
    dlog_run(s, &site->capture, 0, sleepable);
    if (s->verdict > DLOG_VERDICT_DONE) {
      dlog_count_drop(counters, DLOG_DROP_BAD_PLAN);
      return;
    }
  }
  waiting = dlog_waiting();
  if (!dlog_has_room(consumer, waiting, site, counters)) return;
  bytes = dlog_clamp(s->cursor, DLOG_MAX_RECORD_DATA);
  start = site->flags & DLOG_SITE_FEW ? &dlog_few_of(s)->start : &s->record.start;
  start->data_bytes = (dlog_u16)bytes;
  start->flags |= (dlog_u16)s->flags;
  bytes += site->flags & DLOG_SITE_FEW ? sizeof(struct dlog_few_record) : sizeof(struct dlog_full_record);
  if (bpf_ringbuf_output(&ring, start, bytes, dlog_wakeup_flags(consumer, waiting, bytes))) {
    dlog_count_drop(counters, DLOG_DROP_RING_FULL);
    return;
  }
  dlog_count_submitted(counters, bytes);
}

/* The record of a hit whose registers are in the cells, without its segments. */
static DLOG_INLINE void dlog_start_record(struct dlog_scratch* s, const struct dlog_site* site, dlog_u64 now) {
  if (site->flags & DLOG_SITE_FEW) {
    struct dlog_few_record* record = dlog_few_of(s);
    dlog_fill_start(&record->start, site, now, DLOG_RECORD_FEW);
    DLOG_UNROLL
    for (int i = 0; i < DLOG_FEW_REGISTERS; ++i) {
      const dlog_u32 number = site->few[i];
      record->regs[i] = number == DLOG_NO_REGISTER ? 0 : dlog_cell(s, number);
    }
    return;
  }
  dlog_fill_start(&s->record.start, site, now, 0);
  DLOG_UNROLL
  for (int i = 0; i < DLOG_NREGS; ++i) s->record.regs[i] = DLOG_MASKED(site->register_mask, i, s->cells[i]);
}

static DLOG_INLINE void dlog_capture_if_admitted(struct dlog_scratch* s, const struct dlog_site* site,
                                                 struct dlog_counters* counters, int sleepable) {
  const dlog_u32 key = site->logpoint;
  struct dlog_logpoint* lp = bpf_map_lookup_elem(&logpoints, &key);
  const dlog_u64 now = bpf_ktime_get_boot_ns();
  if (!lp) {
    dlog_count_drop(counters, DLOG_DROP_BAD_PLAN);
    return;
  }
  if (!dlog_admit(lp, counters, now)) return;
  dlog_start_record(s, site, now);
  dlog_capture_and_submit(s, site, counters, sleepable);
}

/* A hit of a site with ops. */
static DLOG_INLINE int dlog_hit_interpreted(struct pt_regs* ctx, const struct dlog_site* site,
                                            struct dlog_counters* counters, int sleepable) {
  const dlog_u64 duration = dlog_duration_of(ctx, site);
  struct dlog_scratch* s = dlog_acquire_scratch();
  if (!s) {
    dlog_count_drop(counters, DLOG_DROP_SCRATCH_BUSY);
    return 0;
  }
  dlog_begin_hit(s, site, duration);
  if (site->entry_mask) dlog_find_kept(ctx, site, s);
  dlog_store_registers(s->cells, ctx, site->register_mask | 0x1ffff);
  if (dlog_condition_holds(s, site, counters, sleepable)) dlog_capture_if_admitted(s, site, counters, sleepable);
  dlog_release_scratch(s);
  return 0;
}

static DLOG_OWN_FRAME int dlog_interpret_sleepable(struct pt_regs* ctx, const struct dlog_site* site,
                                                   struct dlog_counters* counters) {
  return dlog_hit_interpreted(ctx, site, counters, 1);
}
static DLOG_OWN_FRAME int dlog_interpret_plain(struct pt_regs* ctx, const struct dlog_site* site,
                                               struct dlog_counters* counters) {
  return dlog_hit_interpreted(ctx, site, counters, 0);
}

/* A hit of a site that captures registers only: no scratch buffer, one copy. */
static DLOG_INLINE void dlog_submit_registers(struct pt_regs* ctx, const struct dlog_site* site,
                                              struct dlog_counters* counters, dlog_u64 now, dlog_u64 flags) {
  struct dlog_full_record* record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
  if (!record) {
    dlog_count_drop(counters, DLOG_DROP_RING_FULL);
    return;
  }
  dlog_fill_start(&record->start, site, now, 0);
  dlog_store_registers(record->regs, ctx, site->register_mask);
  bpf_ringbuf_submit(record, flags);
  dlog_count_submitted(counters, sizeof(*record));
}

static DLOG_INLINE void dlog_submit_few_registers(struct pt_regs* ctx, const struct dlog_site* site,
                                                  struct dlog_counters* counters, dlog_u64 now, dlog_u64 flags) {
  struct dlog_few_record* record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
  if (!record) {
    dlog_count_drop(counters, DLOG_DROP_RING_FULL);
    return;
  }
  dlog_fill_start(&record->start, site, now, DLOG_RECORD_FEW);
  DLOG_UNROLL
  for (int i = 0; i < DLOG_FEW_REGISTERS; ++i) record->regs[i] = dlog_one_register(ctx, site->few[i]);
  bpf_ringbuf_submit(record, flags);
  dlog_count_submitted(counters, sizeof(*record));
}

static DLOG_OWN_FRAME int dlog_hit_registers(struct pt_regs* ctx, const struct dlog_site* site,
                                             struct dlog_logpoint* lp, struct dlog_counters* counters) {
  const dlog_u64 now = bpf_ktime_get_boot_ns();
  struct dlog_reader* consumer = dlog_consumer();
  const dlog_u64 waiting = dlog_waiting();
  if (!consumer || !dlog_admit(lp, counters, now) || !dlog_has_room(consumer, waiting, site, counters)) return 0;
  if (site->flags & DLOG_SITE_FEW) {
    const dlog_u64 flags = dlog_wakeup_flags(consumer, waiting, sizeof(struct dlog_few_record));
    dlog_submit_few_registers(ctx, site, counters, now, flags);
  } else {
    const dlog_u64 flags = dlog_wakeup_flags(consumer, waiting, sizeof(struct dlog_full_record));
    dlog_submit_registers(ctx, site, counters, now, flags);
  }
  return 0;
}

/* ---------------------------------------------------------------- vector registers */

/* While a thread is in its probe its vector registers are live in the processor and the copy in its task is stale. A
 * switch away from the thread saves them, and they stay saved until it returns to user mode. */

static DLOG_INLINE dlog_u64 dlog_switches(const struct task_struct* task) {
  unsigned long voluntary = 0, involuntary = 0;
  bpf_core_read(&voluntary, sizeof(voluntary), &task->nvcsw);
  bpf_core_read(&involuntary, sizeof(involuntary), &task->nivcsw);
  return voluntary + involuntary;
}

/* True when this thread has been switched away from since the switch count was `before`. The wake-up of the kick ring's
 * reader, a real-time thread of this CPU, asks for the switch; the page walk of the read is where a kernel without
 * preemption grants it. */
static DLOG_OWN_FRAME int dlog_force_switch(struct pt_regs* ctx, dlog_u64 before) {
  struct task_struct* task = bpf_get_current_task_btf();
  for (int i = 0; i < DLOG_KICKS; ++i) {
    dlog_u32 key = bpf_get_smp_processor_id();
    dlog_u64 word;
    void* ring;
    if (dlog_switches(task) != before) return 1;
    ring = bpf_map_lookup_elem(&kicks, &key);
    if (!ring) return 0;
    bpf_ringbuf_output(ring, &key, sizeof(key), BPF_RB_FORCE_WAKEUP);
    bpf_copy_from_user_task(&word, sizeof(word), (const void*)ctx->sp, task, 0);
  }
  return dlog_switches(task) != before;
}

/* Only after dlog_force_switch(). */
static DLOG_OWN_FRAME int dlog_read_vectors(struct dlog_scratch* s) {
  const struct task_struct* task = (const void*)bpf_get_current_task();
  const struct fpu* fpu = (const void*)task + bpf_core_type_size(struct task_struct);
  struct fpstate* state = 0;
  const char* image;
  dlog_u64 components = 0;
  if (bpf_core_field_exists(task->thread.fpu)) fpu = &task->thread.fpu;
  if (bpf_core_read(&state, sizeof(state), &fpu->fpstate)) return 0;
  image = (const char*)state + bpf_core_field_offset(struct fpstate, regs);
  if (bpf_probe_read_kernel(&components, sizeof(components), image + DLOG_XSTATE_BV)) return 0;
  if (!(components & DLOG_XSTATE_SSE)) {
    /* Not saved, because they are in their initial state. */
    DLOG_UNROLL
    for (int i = 0; i < DLOG_VECTOR_WORDS; ++i) s->vectors[i] = 0;
  } else if (bpf_probe_read_kernel(s->vectors, sizeof(s->vectors), image + DLOG_XMM_AREA)) {
    return 0;
  }
  s->vectors_known = 1;
  return 0;
}

static DLOG_INLINE struct dlog_scratch* dlog_begin_with_vectors(struct pt_regs* ctx, const struct dlog_site* site,
                                                                struct dlog_counters* counters, dlog_u64 duration,
                                                                int switched) {
  struct dlog_scratch* s = dlog_acquire_scratch();
  if (!s) {
    dlog_count_drop(counters, DLOG_DROP_SCRATCH_BUSY);
    return 0;
  }
  dlog_begin_hit(s, site, duration);
  if (site->entry_mask) dlog_find_kept(ctx, site, s);
  dlog_store_registers(s->cells, ctx, site->register_mask | 0x1ffff);
  if (switched) dlog_read_vectors(s);
  return s;
}

static DLOG_OWN_FRAME int dlog_vector_condition(struct pt_regs* ctx, const struct dlog_site* site,
                                                struct dlog_counters* counters, dlog_u64 duration, int switched) {
  struct dlog_scratch* s = dlog_begin_with_vectors(ctx, site, counters, duration, switched);
  int holds;
  if (!s) return 0;
  holds = dlog_condition_holds(s, site, counters, 1);
  dlog_release_scratch(s);
  return holds;
}

static DLOG_OWN_FRAME int dlog_vector_capture(struct pt_regs* ctx, const struct dlog_site* site,
                                              struct dlog_counters* counters, dlog_u64 duration, int switched) {
  struct dlog_scratch* s = dlog_begin_with_vectors(ctx, site, counters, duration, switched);
  if (!s) return 0;
  dlog_start_record(s, site, bpf_ktime_get_boot_ns());
  dlog_capture_and_submit(s, site, counters, 1);
  dlog_release_scratch(s);
  return 0;
}

/* A hit of a site that records vector registers. No scratch buffer is held over the switch: each thread that runs
 * meanwhile may come here too. */
static DLOG_OWN_FRAME int dlog_hit_vectors(struct pt_regs* ctx, const struct dlog_site* site,
                                           struct dlog_counters* counters, dlog_u64 before) {
  const dlog_u64 duration = dlog_duration_of(ctx, site);
  const dlog_u32 key = site->logpoint;
  struct dlog_logpoint* lp = bpf_map_lookup_elem(&logpoints, &key);
  int switched = 0;
  if (!lp) return 0;
  if (site->flags & DLOG_SITE_VECTOR_CONDITION) switched = dlog_force_switch(ctx, before);
  if (site->condition.count && !dlog_vector_condition(ctx, site, counters, duration, switched)) return 0;
  if (!dlog_admit(lp, counters, bpf_ktime_get_boot_ns())) return 0;
  if (!switched) switched = dlog_force_switch(ctx, before);
  return dlog_vector_capture(ctx, site, counters, duration, switched);
}

/* ---------------------------------------------------------------- entry points */

static DLOG_OWN_FRAME int dlog_raise_alarm(const struct dlog_site* site, struct dlog_counters* counters) {
  struct dlog_alarm alarm = {.logpoint = site->logpoint, .generation = site->generation};
  counters->alarm = 0;
  return bpf_ringbuf_output(&alarms, &alarm, sizeof(alarm), BPF_RB_FORCE_WAKEUP);
}

static DLOG_INLINE void dlog_count_hit(const struct dlog_site* site, struct dlog_counters* counters, dlog_u32 counter) {
  const dlog_u64 alarm = counters->alarm;
  dlog_count(counters, counter, 1);
  if (alarm && counters->value[DLOG_COUNT_HITS] + counters->value[DLOG_COUNT_STARTS] >= alarm) {
    dlog_raise_alarm(site, counters);
  }
}

static DLOG_OWN_FRAME int dlog_hit_entry(struct pt_regs* ctx, struct dlog_site* site, struct dlog_counters* counters) {
  dlog_count_hit(site, counters, DLOG_COUNT_STARTS);
  if (site->flags & DLOG_SITE_TIMES) dlog_note_start(ctx, site);
  return site->entry_mask ? dlog_keep_registers(ctx, site) : 0;
}

static DLOG_INLINE int dlog_hit(struct pt_regs* ctx, int sleepable, int vectors) {
  const dlog_u64 switches = vectors ? dlog_switches((const void*)bpf_get_current_task()) : 0;
  const dlog_u64 cookie = bpf_get_attach_cookie(ctx);
  dlog_u32 key = (dlog_u32)cookie;
  struct dlog_site* site = bpf_map_lookup_elem(&sites, &key);
  struct dlog_logpoint* lp;
  struct dlog_counters* counters;

  if (!site || site->generation != (dlog_u32)(cookie >> 32) || !(site->flags & DLOG_SITE_ACTIVE)) return 0;
  if (site->tgid && site->tgid != (dlog_u32)(bpf_get_current_pid_tgid() >> 32)) return 0;
  key = site->logpoint;
  lp = bpf_map_lookup_elem(&logpoints, &key);
  key = site->logpoint * dlog_ncpus + bpf_get_smp_processor_id();
  counters = bpf_map_lookup_elem(&counters_map, &key);
  if (!lp || !counters) return 0;

  if (site->flags & DLOG_SITE_ENTRY) return dlog_hit_entry(ctx, site, counters);
  dlog_count_hit(site, counters, DLOG_COUNT_HITS);
  if (lp->count_only) {
    dlog_count_drop(counters, DLOG_DROP_BUDGET);
    return 0;
  }
  if (vectors) return dlog_hit_vectors(ctx, site, counters, switches);
  if (!(site->condition.count | site->capture.count | (site->flags & DLOG_SITE_RETURN) | site->entry_mask)) {
    return dlog_hit_registers(ctx, site, lp, counters);
  }
  return sleepable ? dlog_interpret_sleepable(ctx, site, counters) : dlog_interpret_plain(ctx, site, counters);
}

SEC("uprobe.s")
int dlog_logpoint_sleepable(struct pt_regs* ctx) { return dlog_hit(ctx, 1, 0); }

/* For logpoints that record vector registers. */
SEC("uprobe.s")
int dlog_logpoint_vectors(struct pt_regs* ctx) { return dlog_hit(ctx, 1, 1); }

SEC("uprobe")
int dlog_logpoint_plain(struct pt_regs* ctx) { return dlog_hit(ctx, 0, 0); }
