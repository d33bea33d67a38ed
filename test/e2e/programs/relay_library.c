// SPDX-License-Identifier: Apache-2.0
//
// The library of relay.c: its functions call each other through the procedure linkage table and through pointers, and
// keep what is true of their parameters in memory.
#define NOINLINE __attribute__((noinline, noclone))

long Leaf(long a, int b);
long Replaced(long a, int b);
long Relay(long round);

NOINLINE void Clobber(volatile void* place) {
  __asm__ volatile("" : : "r"(place) : "memory", "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11");
}

NOINLINE long Leaf(long a, int b) {
  volatile long true_a = a;
  volatile int true_b = b;
  Clobber(&true_a);
  Clobber(&true_b);  // leaf
  return 5;
}

NOINLINE long Replaced(long a, int b) {
  volatile long true_a = a;
  volatile int true_b = b;
  Clobber(&true_a);
  Clobber(&true_b);  // replaced
  return 6;
}

NOINLINE static long Pointed(long a, int b) {
  volatile long true_a = a;
  volatile int true_b = b;
  Clobber(&true_a);
  Clobber(&true_b);  // pointed
  return true_b;
}

// Another that the pointer may lead to, which goes on to the first with other arguments.
NOINLINE static long Detour(long a, int b) {
  Clobber(0);
  return Pointed(a + 100, b + 100);
}

NOINLINE static long Each(long (*f)(long, int), long n) {
  long sum = 0;
  for (long i = 0; i < n; ++i) sum += f(i + 20, 11);
  Clobber(&sum);
  return sum + (f != 0);
}

long Relay(long round) {
  volatile long kept = round;
  long sum = Leaf(round + 10, 3);
  sum += Replaced(kept + 10, 4);
  sum += Each(round % 2 ? Pointed : Detour, 2);
  Clobber(&sum);
  return sum;
}
