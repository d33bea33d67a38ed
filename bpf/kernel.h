/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
 *
 * The few kernel types that the BPF programs use. No vmlinux.h: what is not named here is not depended on.
 */
#ifndef DLOG_BPF_KERNEL_H
#define DLOG_BPF_KERNEL_H

/* The context of a uprobe program (arch/x86/include/asm/ptrace.h). Its layout is user ABI
 * (asm/ptrace.h) and the verifier checks the offsets, so it needs no relocation. In a uprobe handler `ip` is already
 * the probed address: handle_swbp() in kernel/events/uprobes.c sets it before it calls the handlers. */
struct pt_regs {
  unsigned long r15, r14, r13, r12, bp, bx;
  unsigned long r11, r10, r9, r8, ax, cx, dx, si, di;
  unsigned long orig_ax, ip, cs, flags, sp, ss;
};

/* arch/x86/include/asm/processor.h, include/linux/sched.h: relocated to the running kernel's layout by libbpf. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

union fpregs_state {
  char any;
};
struct fpstate {
  union fpregs_state regs; /* the FXSAVE/XSAVE image */
};
struct fpu {
  struct fpstate* fpstate;
};
struct thread_struct {
  unsigned long fsbase; /* of the thread as the kernel set it: arch_prctl(), clone(CLONE_SETTLS) */
  struct fpu fpu;       /* up to 6.15; later it lies right behind task_struct: x86_task_fpu() in asm/processor.h */
};
struct task_struct {
  int pid; /* of the thread */
  int tgid;
  char comm[16];
  unsigned long nvcsw;  /* switches away from the task: voluntary */
  unsigned long nivcsw; /* and not */
  struct task_struct* group_leader;
  unsigned long long start_boottime; /* CLOCK_BOOTTIME */
  struct thread_struct thread;
};

#pragma clang attribute pop

#endif /* DLOG_BPF_KERNEL_H */
