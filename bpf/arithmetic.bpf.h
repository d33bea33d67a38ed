/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
 *
 * What the ops of a plan compute, on 64-bit cells and without floating-point instructions, which the kernel does not
 * have. Compiles for the host too; needs DLOG_INLINE (interpreter.bpf.h).
 */
#ifndef DLOG_BPF_ARITHMETIC_BPF_H
#define DLOG_BPF_ARITHMETIC_BPF_H

#include "abi.h"

/* The low `bits` (1..64) of value, sign- or zero-extended. */
static DLOG_INLINE dlog_u64 dlog_extend(dlog_u64 value, dlog_u32 bits, dlog_u32 is_signed) {
  const dlog_u32 shift = (64 - bits) & 63;
  if (is_signed) return (dlog_u64)((dlog_s64)(value << shift) >> shift);
  return value << shift >> shift;
}

/* Signed division from the unsigned one: the v3 instruction set has no signed form, and INT64_MIN / -1 must not trap.
 */
static DLOG_INLINE dlog_u64 dlog_divide(dlog_u64 a, dlog_u64 b, dlog_u32 is_signed, int modulo) {
  const int negative_a = is_signed && (dlog_s64)a < 0;
  const int negative_b = is_signed && (dlog_s64)b < 0;
  const dlog_u64 x = negative_a ? 0 - a : a;
  const dlog_u64 y = negative_b ? 0 - b : b;
  if (modulo) return negative_a ? 0 - x % y : x % y;
  return negative_a != negative_b ? 0 - x / y : x / y;
}

static DLOG_INLINE dlog_u64 dlog_less(dlog_u64 a, dlog_u64 b, dlog_u32 is_signed) {
  return is_signed ? (dlog_s64)a < (dlog_s64)b : a < b;
}

/* False when the operation has no result. */
static DLOG_INLINE int dlog_arith(dlog_u32 code, dlog_u64 a, dlog_u64 b, dlog_u32 is_signed, dlog_u64* out) {
  switch (code) {
    case DLOG_ARITH_ADD:
      *out = a + b;
      return 1;
    case DLOG_ARITH_SUB:
      *out = a - b;
      return 1;
    case DLOG_ARITH_MUL:
      *out = a * b;
      return 1;
    case DLOG_ARITH_DIV:
    case DLOG_ARITH_MOD:
      if (b == 0) return 0;
      *out = dlog_divide(a, b, is_signed, code == DLOG_ARITH_MOD);
      return 1;
    case DLOG_ARITH_AND:
      *out = a & b;
      return 1;
    case DLOG_ARITH_OR:
      *out = a | b;
      return 1;
    case DLOG_ARITH_XOR:
      *out = a ^ b;
      return 1;
    case DLOG_ARITH_SHL:
    case DLOG_ARITH_SHR:
      if (b > 63) return 0;
      b &= 63;
      if (code == DLOG_ARITH_SHL)
        *out = a << b;
      else
        *out = is_signed ? (dlog_u64)((dlog_s64)a >> b) : a >> b;
      return 1;
    case DLOG_ARITH_EQ:
      *out = a == b;
      return 1;
    case DLOG_ARITH_NE:
      *out = a != b;
      return 1;
    case DLOG_ARITH_LT:
      *out = dlog_less(a, b, is_signed);
      return 1;
    case DLOG_ARITH_GE:
      *out = !dlog_less(a, b, is_signed);
      return 1;
    case DLOG_ARITH_GT:
      *out = dlog_less(b, a, is_signed);
      return 1;
    case DLOG_ARITH_LE:
      *out = !dlog_less(b, a, is_signed);
      return 1;
    default:
      return 0;
  }
}

/* Maps the bits of a binary64 that is no NaN to a signed integer of the same order; both zeros to 0. */
static DLOG_INLINE dlog_s64 dlog_float_order(dlog_u64 bits) {
  const dlog_u64 magnitude = bits & 0x7fffffffffffffffULL;
  return bits >> 63 ? -(dlog_s64)magnitude : (dlog_s64)magnitude;
}

static DLOG_INLINE int dlog_float_is_nan(dlog_u64 bits) {
  return (bits & 0x7fffffffffffffffULL) > 0x7ff0000000000000ULL;
}

static DLOG_INLINE int dlog_float_compare(dlog_u32 code, dlog_u64 a, dlog_u64 b, dlog_u64* out) {
  if (code < DLOG_ARITH_EQ || code > DLOG_ARITH_GE) return 0;
  if (dlog_float_is_nan(a) || dlog_float_is_nan(b)) {
    *out = code == DLOG_ARITH_NE;
    return 1;
  }
  return dlog_arith(code, (dlog_u64)dlog_float_order(a), (dlog_u64)dlog_float_order(b), 1, out);
}

static DLOG_INLINE dlog_u64 dlog_float_widen(dlog_u64 bits) {
  const dlog_u64 sign = (bits >> 31 & 1) << 63;
  dlog_u64 exponent = bits >> 23 & 0xff;
  dlog_u64 fraction = bits & 0x7fffff;
  if (exponent == 0xff) return sign | 0x7ff0000000000000ULL | fraction << 29;
  if (exponent == 0) {
    if (fraction == 0) return sign;
    /* Subnormal: shift the highest set bit to bit 23. The doubling steps stand for a loop. */
    exponent = 1;
    if (!(fraction >> 8)) {
      fraction <<= 16;
      exponent -= 16;
    }
    if (!(fraction >> 16)) {
      fraction <<= 8;
      exponent -= 8;
    }
    if (!(fraction >> 20)) {
      fraction <<= 4;
      exponent -= 4;
    }
    if (!(fraction >> 22)) {
      fraction <<= 2;
      exponent -= 2;
    }
    if (!(fraction >> 23)) {
      fraction <<= 1;
      exponent -= 1;
    }
    fraction &= 0x7fffff;
  }
  return sign | (exponent + 1023 - 127) << 52 | fraction << 29;
}

#endif /* DLOG_BPF_ARITHMETIC_BPF_H */
