// SPDX-License-Identifier: Apache-2.0
//
// Parameters that are gone when the marked line runs, so that only the caller can tell what they were. Every function
// prints the truth to standard error: "line argument...". With an argument it runs until it is killed.
#include <stdio.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))

NOINLINE void Keep(const void* p) { __asm__ volatile("" : : "r"(p) : "memory"); }
static int quiet;
NOINLINE static void Truth(const char* name, long a, long b) {
  if (!quiet) fprintf(stderr, "%s %ld %ld\n", name, a, b);
}

NOINLINE static long Leaf(long a, int b) {
  Truth("Leaf", a, b);
  Keep(0);
  Keep(&quiet);  // MARK: leaf
  return 5;
}

// Its own parameter is gone, too: its caller knows.
NOINLINE static long Middle(long a) {
  long got = Leaf(a, 3);
  Keep(&got);
  return got;
}

struct Pair {
  long x;
  long y;
};

NOINLINE static long ByAddress(struct Pair* pair, int times) {
  Truth("ByAddress", pair->x, times);
  Keep(0);
  Keep(&quiet);  // MARK: by_address
  return 1;
}

// Entered by a tail call: the return address is that of a call of something else.
NOINLINE static long TailEntered(long a, int b) {
  Truth("TailEntered", a, b);
  Keep(0);
  Keep(&quiet);  // MARK: tail_entered
  return 2;
}
NOINLINE static long TailCaller(long a, int b) {
  Keep(0);
  return TailEntered(a * 2 + 1, b + 1);
}

// Tail calls in a circle: the return address stays that of the first call.
NOINLINE static long Even(long a, int b);
NOINLINE static long Odd(long a, int b) {
  Keep(0);
  if (a == 0) return 0;
  return Even(a - 1, b + 1);
}
NOINLINE static long Even(long a, int b) {
  Truth("Even", a, b);
  Keep(0);
  Keep(&quiet);  // MARK: even
  if (quiet == 99) return 1;
  static long rounds;
  return Odd(rounds++ % 4, 70);
}

// What was in a vector register.
NOINLINE static double Scale(double factor, float by) {
  if (!quiet) fprintf(stderr, "Scale %g %g\n", factor, (double)by);
  Keep(0);
  Keep(&quiet);  // MARK: scale
  return 0.5;
}

static long (*volatile pointer)(long, int) = Leaf;

// The function that the pointer leads to is called directly as well.
NOINLINE static long Round(long round) {
  struct Pair pair = {round + 100, 7};
  long sum = Leaf(round, 1) + Leaf(round + 1000, 2);
  Keep(&pair);
  sum += Middle(round + 2000);
  sum += ByAddress(&pair, 4);
  sum += pointer(round + 3000, 5);
  sum += TailEntered(round + 4000, 6);
  sum += (long)(Scale(2.5, 1.5f) + Scale(-3.25, 8.0f));
  sum += TailCaller(round + 5000, 7);
  Keep(&round);
  return sum;
}

int main(int argc, char** argv) {
  (void)argv;
  long sum = 0;
  long round = 0;
  do {
    sum += Round(round);
    sum += Even(round, 8);
    round = (round + 1) % 10;
    if (argc > 1) usleep(10000);
  } while (argc > 1);
  printf("%ld\n", sum);
}
