// SPDX-License-Identifier: Apache-2.0
//
// Integers of 128 bits that optimisation has left to location expressions of that width, and what they are.
#include <unistd.h>

#define NOINLINE __attribute__((noinline))

NOINLINE void Keep(const void* p) {
  __asm__ volatile("" : : "r"(p) : "memory", "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11");
}

NOINLINE long Wide(long a, unsigned long b, int c) {
  __int128 same = a;
  unsigned __int128 zero_extended = b;
  __int128 sum = same + c;
  __int128 product = (__int128)a * c;
  __int128 difference = same - (__int128)c;
  Keep(&Keep);
  Keep(&Keep);  // wide
  return a + (long)b + c;
}

int main(void) {
  for (;;) {
    Wide(-5, 0xfffffffffffffff0ul, 3);
    usleep(10000);
  }
}
