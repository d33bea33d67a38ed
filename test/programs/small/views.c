/* SPDX-License-Identifier: Apache-2.0
 *
 * C: assignments that optimised code does not do, so that several statements begin at one address and only location
 * views tell their values apart. */
__attribute__((noinline, noclone)) static void Shift(int moved, int kept) {
  moved++;                                        /* MARK: shift */
  __asm__ volatile("" : : "r"(moved), "r"(kept)); /* MARK: shifted */
}

static inline int Twice(int once) {
  int doubled = once; /* MARK: copied */
  doubled += once;    /* MARK: doubled */
  return doubled;     /* MARK: twice */
}

__attribute__((noinline, noclone)) static int Steps(int start) {
  __asm__ volatile("nop" ::: "memory");
  int step = 1;                                     /* MARK: before */
  step = 2;                                         /* MARK: one */
  step = start;                                     /* MARK: two */
  step = Twice(step);                               /* MARK: same */
  __asm__ volatile("nop" : : "r"(step) : "memory"); /* MARK: all */
  return step;
}

int main(int argc, char** argv) {
  Shift(argc, argv != 0);
  return Steps(argc) == 0;
}
