/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
 *
 * Runs the ops of a plan (abi.h says what each does) over a struct dlog_scratch. One call of dlog_step() runs one op,
 * one element of the work queue, or one page of a read that met a fault; all state is in the scratch buffer, so the
 * kernel's bpf_loop() drives it without the verifier having to follow the plan.
 *
 * The same text compiles for the host, where it is unit-tested. The includer provides the environment first:
 *   DLOG_INLINE                 how a helper is inlined
 *   DLOG_OWN_FRAME              how one is not, so that the stack of each function stays small
 *   DLOG_OPAQUE(x)              hides from the compiler what it knows about the integer x
 *   DLOG_UNROLL                 asks for the next loop to be unrolled
 *   dlog_env_op(index)          const struct dlog_op*, null when out of bounds
 *   dlog_env_routine(index)     const struct dlog_range*, null when out of bounds
 *   dlog_env_read(dst, length, address, sleepable)     0, or not 0 and nothing partial in dst
 *   dlog_env_load(value, size, address, sleepable)     the same for at most 8 bytes; *value is 0 before
 *   dlog_env_read_string(dst, size, address)           as bpf_probe_read_user_str()
 *   dlog_env_store64(dst, value)                       unaligned store
 *   dlog_env_fetch64(src)                              unaligned load
 *
 * The verifier knows nothing of values that were read back from the scratch buffer, so each index is masked, and each
 * length clamped, right before it is used; DLOG_OPAQUE keeps the compiler from proving that check away.
 */
#ifndef DLOG_BPF_INTERPRETER_BPF_H
#define DLOG_BPF_INTERPRETER_BPF_H

#include "abi.h"
#include "arithmetic.bpf.h"

#define DLOG_PAGE_SIZE 4096
#define DLOG_SEGMENT_HEADER ((dlog_u32)sizeof(struct dlog_segment))
#define DLOG_VISITED_PROBES 4
#define DLOG_VECTOR_WORDS (DLOG_NVECTORS * DLOG_VECTOR_BYTES / 8)
#define DLOG_TAG_ROUTINE_BITS 14
DLOG_STATIC_ASSERT((1 << DLOG_TAG_ROUTINE_BITS) >= (int)DLOG_MAX_ROUTINES, "routine does not fit a visited tag");

/* Calls of dlog_step() after which every run is over: what is read again comes on top. */
#define DLOG_LOOP_STEPS (DLOG_MAX_STEPS + DLOG_MAX_CHECKS + 8)

/* dlog_scratch.verdict */
enum dlog_verdict {
  DLOG_VERDICT_RUNNING = 0, /* after a condition: DLOG_MAX_STEPS ended it */
  DLOG_VERDICT_DONE,        /* condition: true */
  DLOG_VERDICT_REJECTED,    /* condition: false */
  DLOG_VERDICT_ERROR,       /* condition: has no value */
  DLOG_VERDICT_BAD_PLAN
};

static DLOG_INLINE int dlog_stop(struct dlog_scratch* s, dlog_u32 verdict) {
  s->verdict = verdict;
  return 1;
}

static DLOG_INLINE dlog_u64 dlog_cell(const struct dlog_scratch* s, dlog_u32 i) {
  return s->cells[i & (DLOG_NCELLS - 1)];
}

static DLOG_INLINE void dlog_set_cell(struct dlog_scratch* s, dlog_u32 i, dlog_u64 value) {
  s->cells[i & (DLOG_NCELLS - 1)] = value;
}

/* Room was checked against the budget, so the mask never changes the offset; it tells the verifier its bound. */
static DLOG_INLINE dlog_u8* dlog_data(struct dlog_scratch* s, dlog_u32 offset) {
  DLOG_OPAQUE(offset);
  return s->data + (offset & (DLOG_MAX_RECORD_DATA - 1));
}

static DLOG_INLINE dlog_u32 dlog_clamp(dlog_u32 value, dlog_u32 max) {
  DLOG_OPAQUE(value);
  if (value > max) value = max;
  return value;
}

/* ---------------------------------------------------------------- segments */

static DLOG_INLINE void dlog_put_header(struct dlog_scratch* s, dlog_u32 offset, dlog_u64 address, dlog_u32 length,
                                        dlog_u32 status) {
  struct dlog_segment* segment = (struct dlog_segment*)dlog_data(s, offset);
  segment->address = address;
  segment->length = length;
  segment->status = (dlog_u16)status;
  segment->reserved = 0;
}

static DLOG_INLINE void dlog_put_segment(struct dlog_scratch* s, dlog_u64 address, dlog_u32 length, dlog_u32 status) {
  dlog_put_header(s, s->cursor, address, length, status);
  s->cursor += DLOG_SEGMENT_HEADER + ((length + 7) & ~7u);
}

/* Records the vector registers of `mask`, before the capture runs; nothing when they are not known. */
static DLOG_INLINE void dlog_put_vectors(struct dlog_scratch* s, dlog_u32 mask, dlog_u32 budget) {
  if (!s->vectors_known) return;
  for (dlog_u32 n = 0; n < DLOG_NVECTORS; ++n) {
    dlog_u64* out = (dlog_u64*)dlog_data(s, s->cursor + DLOG_SEGMENT_HEADER);
    if (!(mask >> n & 1)) continue;
    if (s->cursor + DLOG_SEGMENT_HEADER + DLOG_VECTOR_BYTES > budget) {
      s->flags |= DLOG_RECORD_BUDGET;
      return;
    }
    out[0] = s->vectors[2 * n];
    out[1] = s->vectors[2 * n + 1];
    dlog_put_segment(s, n, DLOG_VECTOR_BYTES, DLOG_SEGMENT_VECTOR);
  }
}

/* Records for how long the call went on, before the capture runs; nothing when that is not known. */
static DLOG_INLINE void dlog_put_duration(struct dlog_scratch* s, dlog_u32 budget) {
  if (s->duration == DLOG_NO_DURATION) return;
  if (s->cursor + DLOG_SEGMENT_HEADER > budget) {
    s->flags |= DLOG_RECORD_BUDGET;
    return;
  }
  dlog_put_segment(s, s->duration, 0, DLOG_SEGMENT_DURATION);
}

/* Records the kept registers of `mask`; nothing when they are not known. */
static DLOG_INLINE void dlog_put_kept(struct dlog_scratch* s, dlog_u32 mask, dlog_u32 budget) {
  if (!s->kept_known) return;
  for (dlog_u32 n = 0; n < DLOG_KEPT_REGISTERS; ++n) {
    if (!(mask >> n & 1)) continue;
    if (s->cursor + DLOG_SEGMENT_HEADER > budget) {
      s->flags |= DLOG_RECORD_BUDGET;
      return;
    }
    dlog_put_segment(s, s->kept.regs[n], 0, DLOG_SEGMENT_KEPT + n);
  }
}

/* Ends the capture but for the words that are to be read again: what would follow is less important than what is there
 * (breadth first). */
static DLOG_INLINE int dlog_end_capture(struct dlog_scratch* s, dlog_u32 flag) {
  s->flags |= flag;
  s->op = s->op_end;
  s->queue_head = s->queue_tail;
  s->part.left = 0;
  return 0;
}

static DLOG_INLINE int dlog_out_of_budget(struct dlog_scratch* s) { return dlog_end_capture(s, DLOG_RECORD_BUDGET); }

/* A read that the budget has shortened is the last one. */
static DLOG_INLINE int dlog_after_read(struct dlog_scratch* s) {
  return s->flags & DLOG_RECORD_BUDGET ? dlog_out_of_budget(s) : 0;
}

static DLOG_INLINE dlog_u32 dlog_room(const struct dlog_scratch* s) {
  const dlog_u32 budget = dlog_clamp(s->budget, DLOG_MAX_RECORD_DATA);
  return s->cursor < budget ? budget - s->cursor : 0;
}

static DLOG_INLINE int dlog_put_fault(struct dlog_scratch* s, dlog_u64 address, dlog_u32 wanted) {
  if (dlog_room(s) < DLOG_SEGMENT_HEADER) return dlog_out_of_budget(s);
  dlog_put_header(s, s->cursor, address, wanted, DLOG_SEGMENT_FAULT);
  s->cursor += DLOG_SEGMENT_HEADER;
  return 0;
}

static DLOG_INLINE void dlog_start_parts(struct dlog_scratch* s, dlog_u64 address, dlog_u32 length, dlog_u32 status,
                                         dlog_u32 string) {
  s->part.address = address;
  s->part.left = length;
  s->part.done = 0;
  s->part.status = status;
  s->part.string = string;
}

/* Closes the segment of a read by parts; `left` bytes could not be read. */
static DLOG_INLINE int dlog_end_parts(struct dlog_scratch* s, dlog_u32 left, dlog_u32 status) {
  const dlog_u32 done = s->part.done;
  const dlog_u64 end = s->part.address;
  s->part.left = 0;
  if (done) dlog_put_segment(s, end - done, done, left ? (dlog_u32)DLOG_SEGMENT_OK : status);
  if (left && dlog_put_fault(s, end, left)) return 1;
  return dlog_after_read(s);
}

/* Reads up to `n` bytes of a string that lie in one page, which may have to be faulted in first. Returns the number of
 * bytes kept, with *ended set when the last is the NUL; negative on fault. */
static DLOG_INLINE long dlog_read_string_part(struct dlog_scratch* s, dlog_u8* dst, dlog_u32 n, dlog_u64 address,
                                              int sleepable, int* ended) {
  dlog_u8* const last = (dlog_u8*)&s->word;
  long got;
  if (dlog_env_read(last, 1, address, sleepable)) return -1;
  got = dlog_env_read_string(dst, n, address);
  if (got <= 0) return -1;
  if (got < (long)n) {
    *ended = 1;
    return got;
  }
  /* Full: the helper has put a NUL over the last byte, which may or may not have been one. */
  if (dlog_env_read(last, 1, address + n - 1, sleepable)) return -1;
  dst[n - 1] = *last;
  *ended = *last == 0;
  return n;
}

static DLOG_OWN_FRAME int dlog_read_part(struct dlog_scratch* s, int sleepable) {
  const dlog_u64 address = s->part.address;
  const dlog_u32 left = s->part.left;
  dlog_u32 n = DLOG_PAGE_SIZE - (dlog_u32)(address & (DLOG_PAGE_SIZE - 1));
  dlog_u8* dst = dlog_data(s, s->cursor + DLOG_SEGMENT_HEADER + s->part.done);
  int ended = 0;
  if (n > left) n = left;
  n = dlog_clamp(n, DLOG_PAGE_SIZE);
  if (n == 0) return dlog_stop(s, DLOG_VERDICT_BAD_PLAN);
  if (s->part.string) {
    const long got = dlog_read_string_part(s, dst, n, address, sleepable, &ended);
    if (got < 0) return dlog_end_parts(s, left, DLOG_SEGMENT_OK);
    n = dlog_clamp((dlog_u32)got, DLOG_PAGE_SIZE);
  } else if (dlog_env_read(dst, n, address, sleepable)) {
    return dlog_end_parts(s, left, DLOG_SEGMENT_OK);
  }
  dlog_env_store64(dst + n, 0);
  s->part.address = address + n;
  s->part.done += n;
  s->part.left = left - n;
  if (ended) {
    s->flags &= ~(dlog_u32)DLOG_RECORD_BUDGET; /* the string ended before the budget did */
    return dlog_end_parts(s, 0, DLOG_SEGMENT_OK);
  }
  return left == n ? dlog_end_parts(s, 0, s->part.status) : 0;
}

/* Shrinks *length to what the budget leaves, 0 = nothing. Returns the status of the segment. */
static DLOG_INLINE dlog_u32 dlog_fit(struct dlog_scratch* s, dlog_u32* length, dlog_u32 status) {
  const dlog_u32 room = dlog_room(s);
  if (room < DLOG_SEGMENT_HEADER + 8) {
    *length = 0;
    s->flags |= DLOG_RECORD_BUDGET;
  } else if (*length > room - DLOG_SEGMENT_HEADER) {
    *length = room - DLOG_SEGMENT_HEADER;
    s->flags |= DLOG_RECORD_BUDGET;
    status = DLOG_SEGMENT_TRUNCATED;
  }
  return status;
}

static DLOG_INLINE int dlog_copy(struct dlog_scratch* s, dlog_u64 address, dlog_u32 wanted, dlog_u32 status,
                                 int sleepable) {
  dlog_u32 length = wanted;
  dlog_u8* dst;
  if (wanted == 0) return 0;
  status = dlog_fit(s, &length, status);
  if (length == 0) return dlog_out_of_budget(s);
  length = dlog_clamp(length, DLOG_MAX_READ);
  dst = dlog_data(s, s->cursor + DLOG_SEGMENT_HEADER);
  dlog_env_store64(dst + length, 0);
  if (dlog_env_read(dst, length, address, sleepable) == 0) {
    s->window.address = address;
    s->window.length = length;
    s->window.offset = s->cursor + DLOG_SEGMENT_HEADER;
    dlog_put_segment(s, address, length, status);
    return dlog_after_read(s);
  }
  s->window.length = 0;
  if ((address & (DLOG_PAGE_SIZE - 1)) + length <= DLOG_PAGE_SIZE) {
    return dlog_put_fault(s, address, length) ? 1 : dlog_after_read(s);
  }
  dlog_start_parts(s, address, length, status, 0);
  return 0;
}

static DLOG_INLINE int dlog_copy_string(struct dlog_scratch* s, dlog_u64 address, dlog_u32 cap) {
  dlog_u32 length = cap;
  dlog_u8* dst;
  long got;
  if (cap == 0) return 0;
  dlog_fit(s, &length, DLOG_SEGMENT_OK);
  if (length == 0) return dlog_out_of_budget(s);
  length = dlog_clamp(length, DLOG_MAX_READ);
  dst = dlog_data(s, s->cursor + DLOG_SEGMENT_HEADER);
  /* One byte more than is kept tells a string that fills the cap from one that goes on. */
  got = dlog_env_read_string(dst, length + 1, address);
  if (got <= 0) {
    dlog_start_parts(s, address, length, DLOG_SEGMENT_TRUNCATED, 1);
    return 0;
  }
  if (got <= (long)length) {
    const dlog_u32 kept = dlog_clamp((dlog_u32)got, DLOG_MAX_READ);
    dlog_env_store64(dst + kept, 0);
    dlog_put_segment(s, address, kept, DLOG_SEGMENT_OK);
    s->flags &= ~(dlog_u32)DLOG_RECORD_BUDGET; /* the string ended before the budget did */
    return 0;
  }
  dlog_env_store64(dst + length, 0);
  dlog_put_segment(s, address, length, DLOG_SEGMENT_TRUNCATED);
  return dlog_after_read(s);
}

/* ---------------------------------------------------------------- words that are read again */

static DLOG_INLINE int dlog_check_again(struct dlog_scratch* s, dlog_u32 index, int sleepable) {
  const struct dlog_check* check = &s->again[index & (DLOG_MAX_CHECKS - 1)];
  const dlog_u32 size = dlog_clamp(check->size, 8);
  if (size == 0) return 0;
  s->word = 0;
  if (dlog_env_load(&s->word, size, check->address, sleepable) == 0 && s->word == check->value) return 0;
  if (dlog_room(s) < DLOG_SEGMENT_HEADER) {
    s->flags |= DLOG_RECORD_TORN;
    return 0;
  }
  dlog_put_header(s, s->cursor, check->address, size, DLOG_SEGMENT_TORN);
  s->cursor += DLOG_SEGMENT_HEADER;
  return 0;
}

/* When there are too many, the oldest is read again at once. */
static DLOG_INLINE void dlog_add_check(struct dlog_scratch* s, dlog_u64 address, dlog_u64 value, dlog_u32 size,
                                       int sleepable) {
  struct dlog_check* check;
  if (s->checks - s->checked >= DLOG_MAX_CHECKS) dlog_check_again(s, s->checked++, sleepable);
  check = &s->again[s->checks & (DLOG_MAX_CHECKS - 1)];
  check->address = address;
  check->value = value;
  check->size = size;
  s->checks++;
}

/* ---------------------------------------------------------------- work queue */

static DLOG_INLINE struct dlog_work* dlog_push(struct dlog_scratch* s, dlog_u64 address, dlog_u64 param,
                                               dlog_u32 routine, dlog_u32 count, dlog_u32 stride, dlog_u32 depth) {
  struct dlog_work* work;
  if (s->queue_tail - s->queue_head >= DLOG_QUEUE_SIZE) {
    s->flags |= DLOG_RECORD_QUEUE;
    return 0;
  }
  work = &s->queue[s->queue_tail & (DLOG_QUEUE_SIZE - 1)];
  work->address = address;
  work->param = param;
  work->window = s->window;
  work->routine = routine;
  work->remaining = count;
  work->stride = stride;
  work->depth = depth;
  work->fuel = 0;
  s->queue_tail++;
  return work;
}

/* True when this hit has already queued (address, routine); remembers it otherwise. A full neighbourhood forgets an
 * older entry: the object is then captured twice, and depth and budget still end a cycle. */
static DLOG_OWN_FRAME int dlog_visit(struct dlog_scratch* s, dlog_u64 address, dlog_u32 routine) {
  const dlog_u64 tag = s->hit << DLOG_TAG_ROUTINE_BITS | (routine & ((1 << DLOG_TAG_ROUTINE_BITS) - 1));
  const dlog_u32 home = (dlog_u32)(((address ^ routine) * 0x9e3779b97f4a7c15ULL) >> 32);
  dlog_u32 free_slot = home;
  DLOG_UNROLL
  for (dlog_u32 i = 0; i < DLOG_VISITED_PROBES; ++i) {
    const dlog_u32 slot = (home + i) & (DLOG_VISITED_SIZE - 1);
    const dlog_u64 other = s->visited[slot].tag;
    if (other == tag && s->visited[slot].address == address) return 1;
    if (other >> DLOG_TAG_ROUTINE_BITS != s->hit) {
      free_slot = slot;
      break;
    }
  }
  free_slot &= DLOG_VISITED_SIZE - 1;
  s->visited[free_slot].address = address;
  s->visited[free_slot].tag = tag;
  return 0;
}

static DLOG_INLINE struct dlog_work* dlog_call(struct dlog_scratch* s, const struct dlog_op* op, dlog_u64 address,
                                               dlog_u32 count, dlog_u32 once) {
  const dlog_u32 deeper = op->flags & DLOG_F_DEEPER ? 1 : 0;
  const dlog_u32 depth = s->depth + deeper;
  if (count == 0 || depth > s->max_depth) return 0;
  if (once && deeper && dlog_visit(s, address, op->routine)) return 0;
  return dlog_push(s, address, dlog_cell(s, op->dst), op->routine, count, op->size, depth);
}

/* In-order steps of a balanced tree: at most four for an object, but for the way down to the first. */
static DLOG_INLINE void dlog_start_walk(struct dlog_scratch* s, const struct dlog_op* op, dlog_u64 address,
                                        dlog_u32 count) {
  struct dlog_work* work;
  if (address == 0) return;
  work = dlog_call(s, op, address, count, 0);
  if (work) work->fuel = 4 * count + 128;
}

/* The step's own entry has left the queue; the next one takes its place at the head, before anything that the walk has
 * queued. */
static DLOG_INLINE int dlog_walk_on(struct dlog_scratch* s, const struct dlog_op* op, dlog_u64 address) {
  const dlog_u32 left = s->walk_left;
  struct dlog_work* work;
  s->walk_left = 0;
  if (left <= 1 || address == 0 || s->walk_fuel <= 1) return 0;
  if (s->queue_tail - s->queue_head >= DLOG_QUEUE_SIZE) {
    s->flags |= DLOG_RECORD_QUEUE;
    return 0;
  }
  s->queue_head--;
  work = &s->queue[s->queue_head & (DLOG_QUEUE_SIZE - 1)];
  work->address = address;
  work->param = s->walk_param;
  work->window = s->window;
  work->routine = op->routine;
  work->remaining = op->flags & DLOG_F_COUNT ? left - 1 : left;
  work->stride = 0;
  work->depth = s->depth;
  work->fuel = s->walk_fuel - 1;
  return 0;
}

/* Starts the routine for the next queued object; without one, reads again what is to be read again. */
static DLOG_INLINE int dlog_next_work(struct dlog_scratch* s, int sleepable) {
  struct dlog_work* work;
  const struct dlog_range* range;
  if (s->queue_head == s->queue_tail) {
    if (s->condition || s->checked == s->checks) return dlog_stop(s, DLOG_VERDICT_DONE);
    return dlog_check_again(s, s->checked++, sleepable);
  }
  work = &s->queue[s->queue_head & (DLOG_QUEUE_SIZE - 1)];
  range = dlog_env_routine(work->routine);
  if (!range) return dlog_stop(s, DLOG_VERDICT_BAD_PLAN);
  s->op = range->first;
  s->op_end = range->first + range->count;
  s->depth = work->depth;
  s->cells[DLOG_CELL_SELF] = work->address;
  s->cells[DLOG_CELL_PARAM] = work->param;
  s->window = work->window;
  s->walk_left = 0;
  if (work->fuel) {
    s->walk_left = work->remaining;
    s->walk_fuel = work->fuel;
    s->walk_param = work->param;
    s->queue_head++;
    return 0;
  }
  work->address += work->stride;
  if (--work->remaining == 0) s->queue_head++;
  return 0;
}

/* ---------------------------------------------------------------- ops */

/* An op without a result: no condition can be decided on it, and nothing captured may depend on it. */
static DLOG_INLINE int dlog_no_result(struct dlog_scratch* s, const struct dlog_op* op, dlog_u32 index) {
  if (s->condition) return dlog_stop(s, DLOG_VERDICT_ERROR);
  s->op = op->jump ? index + op->jump : s->op_end;
  return 0;
}

/* Whether the bytes are in the window; *value then holds them, zero-extended. */
static DLOG_INLINE int dlog_load_recorded(struct dlog_scratch* s, dlog_u64 address, dlog_u32 size, dlog_u64* value) {
  const dlog_u64 skip = address - s->window.address;
  if (skip >= s->window.length || size > s->window.length - skip) return 0;
  *value = dlog_extend(dlog_env_fetch64(dlog_data(s, s->window.offset + (dlog_u32)skip)), size * 8, 0);
  return 1;
}

static DLOG_INLINE int dlog_load(struct dlog_scratch* s, const struct dlog_op* op, dlog_u32 index, int sleepable) {
  const dlog_u64 address = dlog_cell(s, op->a) + (dlog_u64)(dlog_s64)op->off;
  const dlog_u32 size = dlog_clamp(op->size, 8);
  const dlog_u32 is_signed = op->flags & DLOG_F_SIGNED;
  int recorded = 0;
  dlog_u64 value = 0;
  if (size == 0) return dlog_stop(s, DLOG_VERDICT_BAD_PLAN);
  if (!s->condition) recorded = dlog_load_recorded(s, address, size, &value);
  if (!recorded) {
    recorded = s->condition || op->flags & DLOG_F_QUIET;
    if (!recorded && dlog_room(s) < DLOG_SEGMENT_HEADER + 8) return dlog_out_of_budget(s);
    s->word = 0;
    if (dlog_env_load(&s->word, size, address, sleepable)) {
      if (s->condition) return dlog_stop(s, DLOG_VERDICT_ERROR);
      s->op = index + op->jump;
      return dlog_put_fault(s, address, size);
    }
    value = s->word;
  }
  if (!recorded) {
    *(dlog_u64*)dlog_data(s, s->cursor + DLOG_SEGMENT_HEADER) = value; /* zero beyond `size`: the padding */
    dlog_put_segment(s, address, size, DLOG_SEGMENT_OK);
  }
  dlog_set_cell(s, op->dst, dlog_extend(value, size * 8, is_signed));
  if (op->flags & DLOG_F_CHECK && !s->condition) dlog_add_check(s, address, value, size, sleepable);
  return 0;
}

static DLOG_INLINE int dlog_vector(struct dlog_scratch* s, const struct dlog_op* op, dlog_u32 index) {
  const dlog_u32 at = (op->a & (DLOG_NVECTORS - 1)) * DLOG_VECTOR_BYTES + ((dlog_u32)op->off & (DLOG_VECTOR_BYTES - 1));
  const dlog_u32 shift = (at & 7) * 8;
  dlog_u32 word = at / 8;
  dlog_u64 value;
  if (!s->vectors_known) {
    if (s->condition) return dlog_stop(s, DLOG_VERDICT_ERROR);
    s->op = index + op->jump;
    return 0;
  }
  DLOG_OPAQUE(word);
  value = s->vectors[word & (DLOG_VECTOR_WORDS - 1)] >> shift;
  if (shift) value |= s->vectors[(word + 1) & (DLOG_VECTOR_WORDS - 1)] << (64 - shift);
  dlog_set_cell(s, op->dst, dlog_extend(value, op->size * 8, op->flags & DLOG_F_SIGNED));
  return 0;
}

static DLOG_INLINE int dlog_duration(struct dlog_scratch* s, const struct dlog_op* op, dlog_u32 index) {
  if (s->duration != DLOG_NO_DURATION) {
    dlog_set_cell(s, op->dst, s->duration);
    return 0;
  }
  if (s->condition) return dlog_stop(s, DLOG_VERDICT_ERROR);
  s->op = index + op->jump;
  return 0;
}

static DLOG_INLINE int dlog_at_entry(struct dlog_scratch* s, const struct dlog_op* op, dlog_u32 index) {
  const dlog_u32 number = op->a;
  if (s->kept_known && number < DLOG_KEPT_REGISTERS) {
    dlog_set_cell(s, op->dst, s->kept.regs[number]);
    return 0;
  }
  if (s->condition) return dlog_stop(s, DLOG_VERDICT_ERROR);
  s->op = index + op->jump;
  return 0;
}

static DLOG_INLINE int dlog_copy_dynamic(struct dlog_scratch* s, const struct dlog_op* op, int sleepable) {
  const dlog_u64 units = dlog_cell(s, op->b);
  const dlog_u32 unit = op->size ? op->size : 1;
  if (units > op->len / unit) return dlog_copy(s, dlog_cell(s, op->a), op->len, DLOG_SEGMENT_TRUNCATED, sleepable);
  return dlog_copy(s, dlog_cell(s, op->a), (dlog_u32)units * unit, DLOG_SEGMENT_OK, sleepable);
}

/* The ops that only a capture may contain. */
static DLOG_INLINE int dlog_capture_op(struct dlog_scratch* s, const struct dlog_op* op, int sleepable) {
  const dlog_u64 address = dlog_cell(s, op->a) + (dlog_u64)(dlog_s64)op->off;
  dlog_u64 count;
  if (s->condition) return dlog_stop(s, DLOG_VERDICT_BAD_PLAN);
  switch (op->code) {
    case DLOG_OP_COPY:
      return dlog_copy(s, address, op->len, DLOG_SEGMENT_OK, sleepable);
    case DLOG_OP_COPY_DYN:
      return dlog_copy_dynamic(s, op, sleepable);
    case DLOG_OP_CSTRING:
      return dlog_copy_string(s, address, op->len);
    case DLOG_OP_CALL:
      dlog_call(s, op, address, 1, 1);
      return 0;
    case DLOG_OP_CALL_EACH:
      count = dlog_cell(s, op->b);
      dlog_call(s, op, dlog_cell(s, op->a), count < op->len ? (dlog_u32)count : op->len, 0);
      return 0;
    case DLOG_OP_WALK:
      count = dlog_cell(s, op->b);
      dlog_start_walk(s, op, dlog_cell(s, op->a), count < op->len ? (dlog_u32)count : op->len);
      return 0;
    case DLOG_OP_NEXT:
      return dlog_walk_on(s, op, dlog_cell(s, op->a));
    default:
      return dlog_stop(s, DLOG_VERDICT_BAD_PLAN);
  }
}

static DLOG_INLINE int dlog_arith_op(struct dlog_scratch* s, const struct dlog_op* op, dlog_u32 index, dlog_u64 b) {
  dlog_u64 result = 0;
  if (!dlog_arith(op->arith, dlog_cell(s, op->a), b, op->flags & DLOG_F_SIGNED, &result)) {
    return dlog_no_result(s, op, index);
  }
  dlog_set_cell(s, op->dst, result);
  return 0;
}

/* Runs one step. Non-zero when the run is over; s->verdict says how. */
static DLOG_INLINE int dlog_step(struct dlog_scratch* s, int sleepable) {
  dlog_u32 index;
  const struct dlog_op* op;
  dlog_u64 a, result = 0;

  if (s->steps >= DLOG_MAX_STEPS) {
    if (s->condition) return 1;
    if (s->queue_head != s->queue_tail || s->op < s->op_end || s->part.left) dlog_end_capture(s, DLOG_RECORD_STEPS);
  }
  s->steps++;
  index = s->op;
  if (s->part.left) return dlog_read_part(s, sleepable);
  if (index >= s->op_end) return dlog_next_work(s, sleepable);
  op = dlog_env_op(index);
  if (!op) return dlog_stop(s, DLOG_VERDICT_BAD_PLAN);
  s->op = index + 1;
  a = dlog_cell(s, op->a);
  switch (op->code) {
    case DLOG_OP_END:
      s->op = s->op_end;
      return 0;
    case DLOG_OP_CONST:
      dlog_set_cell(s, op->dst, (dlog_u64)op->imm);
      return 0;
    case DLOG_OP_MOVE:
      dlog_set_cell(s, op->dst, a);
      return 0;
    case DLOG_OP_ARITH:
      return dlog_arith_op(s, op, index, dlog_cell(s, op->b));
    case DLOG_OP_ARITH_IMM:
      return dlog_arith_op(s, op, index, (dlog_u64)op->imm);
    case DLOG_OP_NEG:
      dlog_set_cell(s, op->dst, 0 - a);
      return 0;
    case DLOG_OP_BIT_NOT:
      dlog_set_cell(s, op->dst, ~a);
      return 0;
    case DLOG_OP_NOT:
      dlog_set_cell(s, op->dst, !a);
      return 0;
    case DLOG_OP_EXTEND:
      dlog_set_cell(s, op->dst, dlog_extend(a, op->size * 8, op->flags & DLOG_F_SIGNED));
      return 0;
    case DLOG_OP_BITFIELD:
      dlog_set_cell(s, op->dst, dlog_extend(a >> (op->off & 63), op->len, op->flags & DLOG_F_SIGNED));
      return 0;
    case DLOG_OP_FLOAT_CMP:
      if (!dlog_float_compare(op->arith, a, dlog_cell(s, op->b), &result)) return dlog_stop(s, DLOG_VERDICT_BAD_PLAN);
      dlog_set_cell(s, op->dst, result);
      return 0;
    case DLOG_OP_FLOAT_WIDEN:
      dlog_set_cell(s, op->dst, dlog_float_widen(a));
      return 0;
    case DLOG_OP_LOAD:
      return dlog_load(s, op, index, sleepable);
    case DLOG_OP_JUMP_IF_ZERO:
      if (a == 0) s->op = index + op->jump;
      return 0;
    case DLOG_OP_JUMP_IF_NOT_ZERO:
      if (a != 0) s->op = index + op->jump;
      return 0;
    case DLOG_OP_JUMP:
      s->op = index + op->jump;
      return 0;
    case DLOG_OP_VECTOR:
      return dlog_vector(s, op, index);
    case DLOG_OP_DURATION:
      return dlog_duration(s, op, index);
    case DLOG_OP_AT_ENTRY:
      return dlog_at_entry(s, op, index);
    case DLOG_OP_REJECT_IF_ZERO:
      if (!s->condition) return dlog_stop(s, DLOG_VERDICT_BAD_PLAN);
      return a == 0 ? dlog_stop(s, DLOG_VERDICT_REJECTED) : 0;
    default:
      return dlog_capture_op(s, op, sleepable);
  }
}

/* ---------------------------------------------------------------- runs */

static DLOG_INLINE void dlog_begin(struct dlog_scratch* s, const struct dlog_range* range, dlog_u32 condition) {
  s->op = range->first;
  s->op_end = range->first + range->count;
  s->condition = condition;
  s->verdict = DLOG_VERDICT_RUNNING;
  s->depth = 0;
  s->queue_head = 0;
  s->queue_tail = 0;
  s->part.left = 0;
  s->steps = 0;
  s->walk_left = 0;
  s->window.length = 0;
}

/* Once per hit, before the condition; cells 0..15 are the caller's. */
static DLOG_INLINE void dlog_begin_hit(struct dlog_scratch* s, const struct dlog_site* site, dlog_u64 duration) {
  s->hit++;
  s->duration = duration;
  s->kept_known = 0;
  s->cursor = 0;
  s->checks = 0;
  s->checked = 0;
  s->flags = 0;
  s->vectors_known = 0;
  s->budget = site->max_bytes & ~7u;
  s->max_depth = site->max_depth;
}

#endif /* DLOG_BPF_INTERPRETER_BPF_H */
