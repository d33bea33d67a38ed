/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
 *
 * Tells dlogd that some process has begun to run another program, or has ended. It is a hint to look, no more: which
 * process it was is not told, so that a machine that starts thousands of them a second costs no more than one flag.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* One word per wake-up; what does not fit is not needed. */
struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 4096);
} process_changes SEC(".maps");

/* The processes that dlogd asks about. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 4096);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, __u32);
  __type(value, __u8);
} watched SEC(".maps");

/* Set by the first change, cleared by dlogd when it begins to look. */
int pending = 0;
/* Cleared by dlogd while only those in `watched` matter: others then cost it nothing. */
int everything = 0;

static int tell(__u32 process) {
  __u64 word = 1;
  if (!everything && !bpf_map_lookup_elem(&watched, &process)) return 0;
  if (__sync_val_compare_and_swap(&pending, 0, 1) != 0) return 0;
  /* A full ring means that dlogd is already being woken. */
  bpf_ringbuf_output(&process_changes, &word, sizeof(word), BPF_RB_FORCE_WAKEUP);
  return 0;
}

SEC("raw_tp/sched_process_exec")
int dlog_process_exec(void* context) { return tell((__u32)(bpf_get_current_pid_tgid() >> 32)); }

SEC("raw_tp/sched_process_exit")
int dlog_process_exit(void* context) {
  const __u64 id = bpf_get_current_pid_tgid();
  /* Only the first thread; that of a process whose first thread ends early is found by the slow look. */
  if ((__u32)id != (__u32)(id >> 32)) return 0;
  return tell((__u32)(id >> 32));
}
