/* SPDX-License-Identifier: Apache-2.0
 *
 * C: a function that is inlined into itself. Its next copy begins where the statement before it does, and only the
 * copy's entry view says that the statement is not the copy's. */
static int Nested(int depth, int base) {
  if (depth <= 0) return base;
  __asm__ volatile("nop" : : "r"(depth));
  base += 3; /* MARK: own */
  int below = Nested(depth - 1, base);
  __asm__ volatile("nop" : : "r"(depth), "r"(below));
  return below;
}

int main(int argc, char** argv) {
  (void)argv;
  return Nested(argc + 3, argc) == 0;
}
