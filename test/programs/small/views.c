/* SPDX-License-Identifier: Apache-2.0
 *
 * C: an assignment that optimised code does at the address where the function begins (location views). */
__attribute__((noinline, noclone)) static void Shift(int moved, int kept) {
  moved++; /* MARK: shift */
  __asm__ volatile("" : : "r"(moved), "r"(kept));
}

int main(int argc, char** argv) {
  Shift(argc, argv != 0);
  return 0;
}
