/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
 *
 * The only header shared between the BPF programs (C) and dlogd (C++): plan tables, record layout, counters, limits.
 * Both sides are built from one tree and loaded together, so the layout may change freely between versions; sizes are
 * asserted here so that both compilers agree. Little-endian, x86-64.
 *
 * Tables (BPF maps), all written by dlogd, read by the programs:
 *   sites      array of struct dlog_site, indexed by the low 32 bits of the uprobe cookie
 *   ops        array of struct dlog_op; a site names its ranges
 *   routines   array of struct dlog_range: op ranges of capture routines
 *   logpoints  array of struct dlog_logpoint: limits; shared run state
 *   counters   mmapable array of struct dlog_counters, index = logpoint * ncpus + cpu
 *   consumed   mmapable array of u64, index as counters: of its BYTES, those that dlogd has taken out of the ring
 *   scratch    array of struct dlog_scratch, index = cpu * DLOG_SCRATCH_PER_CPU + k
 *   ring       ring buffer of struct dlog_full_record or dlog_few_record, with segments
 *   alarms     ring buffer of struct dlog_alarm
 *   starts     hash of struct dlog_start -> u64: CLOCK_BOOTTIME at which a call that is going on has begun; written by
 *              the programs
 *   kept       hash of struct dlog_start -> struct dlog_kept: registers at the start of a call; likewise
 *   kicks      per CPU a ring buffer whose content is worthless: its reader's waking up switches the thread away
 */
#ifndef DLOG_BPF_ABI_H
#define DLOG_BPF_ABI_H

#ifdef __cplusplus
#include <cstdint>
#define DLOG_STATIC_ASSERT static_assert
using dlog_u8 = std::uint8_t;
using dlog_u16 = std::uint16_t;
using dlog_u32 = std::uint32_t;
using dlog_u64 = std::uint64_t;
using dlog_s32 = std::int32_t;
using dlog_s64 = std::int64_t;
#else
#define DLOG_STATIC_ASSERT _Static_assert
typedef unsigned char dlog_u8;
typedef unsigned short dlog_u16;
typedef unsigned int dlog_u32;
typedef unsigned long long dlog_u64;
typedef int dlog_s32;
typedef long long dlog_s64;
#endif

enum {
  DLOG_MAX_SITES = 16384,
  DLOG_MAX_OPS = 131072, /* power of two: indices are masked */
  DLOG_MAX_ROUTINES = 16384,
  DLOG_MAX_LOGPOINTS = 2048,
  DLOG_SCRATCH_PER_CPU = 4,
  DLOG_MAX_STARTS = 32768, /* calls that are timed at once; beyond, the longest ago are forgotten */
  DLOG_MAX_KEPT = 16384,   /* likewise, whose registers are kept */
  DLOG_KEPT_REGISTERS = 6, /* those of arguments, in their order: rdi, rsi, rdx, rcx, r8, r9 */
  DLOG_FEW_REGISTERS = 5,  /* with no more than that many, of the first 17, a record is a short one */
  DLOG_NO_REGISTER = 255,
  DLOG_NREGS = 19,             /* DWARF 0..15 general, 16 rip; then two that are none: */
  DLOG_THREAD_POINTER = 17,    /* fs base; both only there, as register and as cell, when register_mask has the bit */
  DLOG_THREAD = 18,            /* process id << 32 | thread id, in the kernel's own pid namespace */
  DLOG_NVECTORS = 16,          /* xmm0..15; power of two */
  DLOG_VECTOR_BYTES = 16,      /* of one */
  DLOG_NCELLS = 64,            /* power of two: cells are masked */
  DLOG_CELL_SELF = 19,         /* a routine starts with the object's address here */
  DLOG_CELL_PARAM = 20,        /* and with what its caller passed along here */
  DLOG_QUEUE_SIZE = 256,       /* power of two: pending routine calls of one hit; maps in a map wait here all at once */
  DLOG_VISITED_SIZE = 64,      /* power of two */
  DLOG_MAX_STEPS = 8192,       /* ops run for one hit's condition, and again for its capture */
  DLOG_MAX_CHECKS = 256,       /* power of two: words that are read again when the capture is over */
  DLOG_MAX_READ = 16384,       /* power of two: bytes of one segment */
  DLOG_MAX_RECORD_DATA = 32768 /* power of two: bytes of all segments of one record, headers included */
};

/* ---------------------------------------------------------------- plan tables */

enum dlog_op_code {
  DLOG_OP_END = 0,     /* end of the range; also what an unwritten entry means */
  DLOG_OP_CONST,       /* cell[dst] = imm */
  DLOG_OP_MOVE,        /* cell[dst] = cell[a] */
  DLOG_OP_ARITH,       /* cell[dst] = cell[a] <arith> cell[b]; see dlog_arith for what has no result */
  DLOG_OP_ARITH_IMM,   /* cell[dst] = cell[a] <arith> imm */
  DLOG_OP_NEG,         /* cell[dst] = -cell[a] */
  DLOG_OP_BIT_NOT,     /* cell[dst] = ~cell[a] */
  DLOG_OP_NOT,         /* cell[dst] = !cell[a] */
  DLOG_OP_EXTEND,      /* cell[dst] = low `size` bytes (1,2,4,8) of cell[a], extended by DLOG_F_SIGNED */
  DLOG_OP_BITFIELD,    /* cell[dst] = bits [off, off+len) of cell[a], extended by DLOG_F_SIGNED */
  DLOG_OP_FLOAT_CMP,   /* cell[dst] = cell[a] <arith> cell[b], both IEEE binary64; NaN compares unequal to all */
  DLOG_OP_FLOAT_WIDEN, /* cell[dst] = binary64 of the binary32 in cell[a] */
  DLOG_OP_LOAD, /* read `size` (1,2,4,8) bytes at cell[a] + off, record them, extend into cell[dst]; fault -> jump.
                   Bytes that the last COPY or COPY_DYN (of the caller, at the start of a routine) has recorded are
                   taken from there, so that what is followed is what was recorded. In a condition nothing is recorded,
                   and a fault ends it with CONDITION_ERROR */
  DLOG_OP_JUMP_IF_ZERO, /* if cell[a] == 0 goto jump */
  DLOG_OP_JUMP_IF_NOT_ZERO,
  DLOG_OP_JUMP,
  DLOG_OP_COPY,           /* record len bytes at cell[a] + off */
  DLOG_OP_COPY_DYN,       /* record min(cell[b] * size, len) bytes at cell[a]; size >= 1 */
  DLOG_OP_CSTRING,        /* record bytes at cell[a] + off up to and including NUL, at most len */
  DLOG_OP_CALL,           /* queue routine `routine` for the object at cell[a] + off */
  DLOG_OP_CALL_EACH,      /* queue routine `routine` for each of min(cell[b], len) objects of `size` bytes at cell[a] */
  DLOG_OP_WALK,           /* queue routine `routine` for the first of min(cell[b], len) linked objects, at cell[a] */
  DLOG_OP_NEXT,           /* in a walk: go on with routine `routine` at cell[a], unless that is 0, the number of objects
                             is reached, or the walk has made more steps than such a structure can need */
  DLOG_OP_REJECT_IF_ZERO, /* condition only: if cell[a] == 0 the hit is filtered out */
  DLOG_OP_VECTOR,         /* cell[dst] = the `size` (1,2,4,8) bytes at off (off + size <= 16) of xmm a, extended by
                             DLOG_F_SIGNED; when the vector registers of this hit are not known -> jump, in a
                             condition CONDITION_ERROR */
  DLOG_OP_DURATION,       /* cell[dst] = nanoseconds since the call began; when that is not known -> jump, in a
                             condition CONDITION_ERROR */
  DLOG_OP_AT_ENTRY,       /* cell[dst] = the kept register number a; when that is not known as DURATION */
  DLOG_OP_CODES
};

/* 64-bit, wrapping; DLOG_F_SIGNED chooses the signed form of DIV, MOD, SHR and the comparisons; INT64_MIN / -1 wraps to
 * INT64_MIN, INT64_MIN % -1 is 0. A zero divisor or a shift count outside 0..63 has no result: a condition ends with
 * CONDITION_ERROR, a capture goes on at the op's jump, without one it abandons the rest of the current op range (a
 * value made from garbage is worse than none).
 */
enum dlog_arith {
  DLOG_ARITH_ADD,
  DLOG_ARITH_SUB,
  DLOG_ARITH_MUL,
  DLOG_ARITH_DIV,
  DLOG_ARITH_MOD,
  DLOG_ARITH_AND,
  DLOG_ARITH_OR,
  DLOG_ARITH_XOR,
  DLOG_ARITH_SHL,
  DLOG_ARITH_SHR,
  DLOG_ARITH_EQ,
  DLOG_ARITH_NE,
  DLOG_ARITH_LT,
  DLOG_ARITH_LE,
  DLOG_ARITH_GT,
  DLOG_ARITH_GE,
  DLOG_ARITH_CODES
};

enum dlog_op_flags {
  DLOG_F_SIGNED = 1,
  DLOG_F_DEEPER = 2, /* CALL, CALL_EACH, WALK: one level deeper; beyond the site's max_depth the call is skipped. A CALL
                        that goes deeper is also skipped when this hit already queued the same routine for the same
                        address */
  DLOG_F_CHECK = 4,  /* LOAD: read again when the capture is over; if it differs, a TORN segment says so */
  DLOG_F_QUIET = 8,  /* LOAD: not recorded */
  DLOG_F_COUNT = 16  /* NEXT: what comes is the next object, not a step between two */
};

struct dlog_op {
  dlog_u8 code;  /* enum dlog_op_code */
  dlog_u8 dst;   /* cell; CALL, CALL_EACH, WALK: the cell that the routine finds in DLOG_CELL_PARAM */
  dlog_u8 a;     /* cell */
  dlog_u8 b;     /* cell */
  dlog_u8 arith; /* enum dlog_arith */
  dlog_u8 flags; /* enum dlog_op_flags */
  dlog_u16 jump; /* forward distance in ops from this op; >= 1 */
  dlog_u32 size; /* bytes; meaning by op */
  dlog_u32 len;  /* bytes or count; meaning by op */
  union {
    dlog_s64 imm;
    struct {
      dlog_s32 off;     /* added to an address */
      dlog_u32 routine; /* index into routines */
    };
  };
};
DLOG_STATIC_ASSERT(sizeof(struct dlog_op) == 24, "dlog_op layout");

struct dlog_range {
  dlog_u32 first; /* index into ops */
  dlog_u32 count;
};

enum dlog_site_flags {
  DLOG_SITE_ACTIVE = 1,
  DLOG_SITE_VECTOR_CONDITION = 2, /* the condition reads vector registers */
  DLOG_SITE_FEW = 4,              /* register_mask has at most DLOG_FEW_REGISTERS bits, all below 17 */
  DLOG_SITE_ENTRY = 8,            /* the start of a call: no record, only what TIMES and entry_mask say */
  DLOG_SITE_RETURN = 16,          /* the call of which it is the end began at the site `entry` */
  DLOG_SITE_SLOT_RBP = 32,        /* the slot is relative to rbp, else to rsp */
  DLOG_SITE_TIMES = 64            /* ENTRY: the time is noted */
};

struct dlog_site {
  dlog_u32 generation;    /* must equal the high half of the cookie; 0 = free */
  dlog_u32 logpoint;      /* index into logpoints */
  dlog_u32 tgid;          /* 0 = every process */
  dlog_u32 register_mask; /* bit n: register n is copied into the record */
  struct dlog_range condition;
  struct dlog_range capture;
  dlog_u32 flags;
  dlog_u32 max_depth;
  dlog_u32 max_bytes;              /* of segments, headers included; <= DLOG_MAX_RECORD_DATA */
  dlog_u32 index;                  /* of this entry */
  dlog_u16 vector_mask;            /* bit n: xmm n is recorded; not 0 costs a switch of the thread per captured hit */
  dlog_u8 few[DLOG_FEW_REGISTERS]; /* DLOG_SITE_FEW: what is in register_mask, ascending, then DLOG_NO_REGISTER */
  dlog_u8 entry_mask;   /* bit n: ENTRY: the n-th argument register is kept; else what the site `entry` kept of it is
                           recorded */
  dlog_s32 slot_offset; /* ENTRY, RETURN, entry_mask: of the return address, from the register that the flags name */
  union {
    dlog_u32 entry; /* RETURN, entry_mask: index into sites */
    dlog_u32 epoch; /* ENTRY: since when all starts here were seen; unique; 0 = they are not. Set by dlogd once all
                       probes are in place, cleared before one is taken off, and by a program that loses a start */
  };
};
DLOG_STATIC_ASSERT(sizeof(struct dlog_site) == 64, "dlog_site layout");

/* A call that is going on. Within one epoch every call that begins has its own, which takes the place of one that an
 * earlier call at the same slot has left behind (by an exception, a longjmp, the end of its thread). */
struct dlog_start {
  dlog_u64 slot; /* address of the return address */
  dlog_u32 tgid;
  dlog_u32 epoch;
};
DLOG_STATIC_ASSERT(sizeof(struct dlog_start) == 16, "dlog_start layout");

/* What a call began with. */
struct dlog_kept {
  dlog_u64 regs[DLOG_KEPT_REGISTERS];
  dlog_u64 boot_ns; /* CLOCK_BOOTTIME */
};

/* No start of this call was seen. */
#define DLOG_NO_DURATION (~0ULL)

/* One cache line each: limits (written once by dlogd) and the shared run state of the token bucket. */
struct dlog_logpoint {
  dlog_u64 interval_ns;  /* 1e9 / rate; 0 = unlimited */
  dlog_u64 burst_ns;     /* how far the bucket may run ahead: burst * interval_ns */
  dlog_u64 max_hits;     /* admitted hits; 0 = unlimited */
  dlog_u64 next_free_ns; /* token bucket (GCRA): CLOCK_BOOTTIME at which the bucket is full again; atomic */
  dlog_u64 admitted;     /* only counted when max_hits != 0; atomic */
  dlog_u64 sampled;      /* hits that came to the sampling; only counted when sample_every > 1; atomic */
  dlog_u32 sample_every; /* the first of each so many hits goes on; 0, 1 = all */
  dlog_u32 sample_below; /* a hit goes on when a random 32-bit number is below; 0 = all */
  dlog_u32 count_only;   /* 1: every hit is counted as DLOG_DROP_BUDGET and no more */
  dlog_u32 reserved;
};
DLOG_STATIC_ASSERT(sizeof(struct dlog_logpoint) == 64, "dlog_logpoint layout");

/* ---------------------------------------------------------------- counters */

enum dlog_drop_reason {
#define DROP(name, label, meaning) DLOG_DROP_##name,
#include "drop_reasons.def"
#undef DROP
  DLOG_DROP_REASONS
};

enum dlog_counter {
  DLOG_COUNT_HITS,
  DLOG_COUNT_SUBMITTED, /* records put into the ring */
  DLOG_COUNT_FILTERED,
  DLOG_COUNT_SAMPLED_OUT,
  DLOG_COUNT_RATE_LIMITED,
  DLOG_COUNT_BYTES,      /* record bytes put into the ring */
  DLOG_COUNT_STARTS,     /* hits of entries, which are none of HITS */
  DLOG_COUNT_DROP_FIRST, /* + enum dlog_drop_reason */
  DLOG_COUNTERS = 15
};
DLOG_STATIC_ASSERT((int)DLOG_COUNT_DROP_FIRST + (int)DLOG_DROP_REASONS <= (int)DLOG_COUNTERS, "too many counters");

struct dlog_counters {
  dlog_u64 value[DLOG_COUNTERS];
  dlog_u64 alarm; /* written by dlogd: once HITS + STARTS of this CPU is at least this, a struct dlog_alarm is sent; 0 =
                     never */
};
DLOG_STATIC_ASSERT(sizeof(struct dlog_counters) == 128, "dlog_counters layout");

struct dlog_alarm {
  dlog_u32 logpoint;
  dlog_u32 generation;
};

/* ---------------------------------------------------------------- records */

enum dlog_segment_status {
  DLOG_SEGMENT_OK = 0,
  DLOG_SEGMENT_FAULT = 1,     /* nothing could be read at the address; length = wanted bytes, no bytes follow */
  DLOG_SEGMENT_TRUNCATED = 2, /* fewer bytes than wanted: cap of the plan */
  DLOG_SEGMENT_TORN = 3,      /* these bytes have changed since they were first read; no bytes follow */
  DLOG_SEGMENT_VECTOR = 4,    /* not memory: the DLOG_VECTOR_BYTES of xmm register `address` */
  DLOG_SEGMENT_DURATION = 5,  /* not memory: the call began `address` nanoseconds ago; no bytes follow */
  DLOG_SEGMENT_KEPT = 16      /* + n: not memory: the n-th kept register held `address` at the entry; no bytes follow */
};

/* The padding after the bytes is zero: bytes that no op asked for never leave the target. */
struct dlog_segment {
  dlog_u64 address;
  dlog_u32 length; /* bytes that follow (OK, TRUNCATED), padded to 8; FAULT, TORN: bytes concerned */
  dlog_u16 status; /* enum dlog_segment_status */
  dlog_u16 reserved;
};
DLOG_STATIC_ASSERT(sizeof(struct dlog_segment) == 16, "dlog_segment layout");

enum dlog_record_flags {
  DLOG_RECORD_BUDGET = 1, /* the byte budget ended the capture early */
  DLOG_RECORD_QUEUE = 2,  /* the work queue overflowed: some values were not followed */
  DLOG_RECORD_STEPS = 4,  /* DLOG_MAX_STEPS reached */
  DLOG_RECORD_TORN = 8,   /* something that was to be read again has changed, and there was no room to say what */
  DLOG_RECORD_FEW = 16    /* it is a struct dlog_few_record */
};

/* How every record in the ring begins. Segments follow the registers. */
struct dlog_record_start {
  dlog_u64 boot_ns; /* CLOCK_BOOTTIME of the hit */
  dlog_u32 generation;
  dlog_u32 tgid;
  dlog_u32 tid;
  dlog_u32 register_mask; /* of the site */
  dlog_u16 site;          /* index into sites */
  dlog_u16 data_bytes;    /* of segments */
  dlog_u16 flags;         /* enum dlog_record_flags */
  dlog_u16 cpu;
  dlog_u64 comm[2]; /* characters */
};
DLOG_STATIC_ASSERT(sizeof(struct dlog_record_start) == 48, "dlog_record_start layout");
DLOG_STATIC_ASSERT((int)DLOG_MAX_SITES <= 0x10000 && (int)DLOG_MAX_RECORD_DATA < 0x10000, "fields of a record");

struct dlog_full_record {
  struct dlog_record_start start;
  dlog_u64 regs[DLOG_NREGS]; /* zero where register_mask has no bit */
};

/* What is short is written, and read by another processor, in less time, and more of it waits in the ring. */
struct dlog_few_record {
  struct dlog_record_start start;
  dlog_u64 regs[DLOG_FEW_REGISTERS]; /* those of register_mask, in its order */
};

/* A record as dlogd handles it; never in the ring. */
struct dlog_record {
  dlog_u64 boot_ns;
  dlog_u32 site;
  dlog_u32 generation;
  dlog_u32 tgid;
  dlog_u32 tid;
  dlog_u32 data_bytes;
  dlog_u16 flags; /* enum dlog_record_flags */
  dlog_u16 cpu;
  char comm[16];             /* may lack its NUL */
  dlog_u64 regs[DLOG_NREGS]; /* zero where register_mask has no bit */
};

/* What the consumer of the records says. */
struct dlog_reader {
  dlog_u32 asleep; /* it does not poll: the next record wakes it, and clears this */
  dlog_u32 reserved;
  dlog_u64 crowded_bytes; /* with more than that waiting, a logpoint's share counts */
};
DLOG_STATIC_ASSERT(sizeof(struct dlog_reader) == 16, "dlog_reader layout");

/* ---------------------------------------------------------------- per-hit scratch (kernel side only) */

/* Target bytes that a segment of data[] holds; length 0 = none. */
struct dlog_window {
  dlog_u64 address;
  dlog_u32 length;
  dlog_u32 offset; /* into data[] */
};

struct dlog_work {
  dlog_u64 address;
  dlog_u64 param;
  struct dlog_window window;
  dlog_u32 routine;
  dlog_u32 remaining; /* objects left, this one included */
  dlog_u32 stride;
  dlog_u32 depth;
  dlog_u32 fuel; /* walks: steps left, at least 1; 0 = no walk */
  dlog_u32 reserved;
};

/* A word to be read again. */
struct dlog_check {
  dlog_u64 address;
  dlog_u64 value; /* zero-extended */
  dlog_u32 size;
  dlog_u32 reserved;
};

/* A big read that met a fault goes on page by page, so that the readable prefix is kept. */
struct dlog_part {
  dlog_u64 address; /* next byte to read */
  dlog_u32 left;    /* bytes still wanted; 0 = no such read is going on */
  dlog_u32 done;    /* bytes of the open segment so far */
  dlog_u32 status;  /* enum dlog_segment_status when everything was read */
  dlog_u32 string;  /* 1 = stop at NUL */
};

struct dlog_scratch {
  dlog_u32 busy; /* 1 while a hit owns this buffer; atomic */
  dlog_u32 op;   /* next op, absolute index */
  dlog_u32 op_end;
  dlog_u32 cursor; /* bytes of data[] used; multiple of 8 */
  dlog_u32 budget; /* bytes of data[] allowed; multiple of 8 */
  dlog_u32 depth;
  dlog_u32 max_depth;
  dlog_u32 verdict; /* interpreter's result: see interpreter.bpf.h */
  dlog_u32 queue_head;
  dlog_u32 queue_tail;
  dlog_u32 flags;     /* enum dlog_record_flags */
  dlog_u32 condition; /* 1 while the condition runs */
  dlog_u64 hit;       /* distinguishes entries of visited[] of this hit from older ones; never 0 */
  dlog_u32 steps;     /* of this run */
  dlog_u32 checks;    /* entries of again[] added by this hit; the last DLOG_MAX_CHECKS of them are there */
  dlog_u32 checked;   /* of them: read again */
  dlog_u32 walk_left; /* the running routine is a step of a walk: objects left, this one included; else 0 */
  dlog_u32 walk_fuel;
  dlog_u32 vectors_known; /* 1: vectors[] holds xmm0..15 of this hit */
  dlog_u64 walk_param;
  dlog_u64 duration;   /* nanoseconds since the call began, or DLOG_NO_DURATION */
  dlog_u64 word;       /* what is read but not recorded; the stack is too small for it */
  dlog_u32 kept_known; /* 1: kept holds what this call began with */
  dlog_u32 reserved;
  struct dlog_kept kept;
  struct dlog_window window; /* of the last COPY */
  dlog_u64 vectors[DLOG_NVECTORS * DLOG_VECTOR_BYTES / 8];
  struct dlog_part part;
  dlog_u64 cells[DLOG_NCELLS];
  struct dlog_work queue[DLOG_QUEUE_SIZE];
  struct {
    dlog_u64 address;
    dlog_u64 tag;
  } visited[DLOG_VISITED_SIZE];
  struct dlog_check again[DLOG_MAX_CHECKS];
  struct dlog_full_record record;                          /* a few_record ends where it ends: data[] follows both */
  dlog_u8 data[DLOG_MAX_RECORD_DATA + DLOG_MAX_READ + 64]; /* the tail lets masked offsets stay in bounds */
};
DLOG_STATIC_ASSERT(sizeof(struct dlog_full_record) % 8 == 0, "data[] must follow the record without a gap");

#endif /* DLOG_BPF_ABI_H */
