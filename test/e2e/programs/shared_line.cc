// SPDX-License-Identifier: Apache-2.0
// A line that belongs to two functions, each with names that the other has not; pointers to bytes that are no text; and
// a line whose first instruction cannot carry a probe.
#include <unistd.h>

#include <atomic>

typedef unsigned char u_char;

struct Buffer {
  u_char* pos;
  const char* name;
};

std::atomic<long> total{0};

[[gnu::noinline]] static int Apply(int outer, Buffer* buffer) {
  int factor = outer * 2;
  // clang-format off
  auto scale = [factor](int inner) __attribute__((noinline)) { return inner * factor; }; int sum = scale(outer) + factor;  // SEES: two functions
  // clang-format on
  asm volatile("" : "+r"(sum) : "r"(buffer));  // SEES: buffer
  return sum;
}

[[gnu::noinline]] static void Count(int round) {
  asm volatile("lock addl $1, %0" : "+m"(total) : "r"(round));  // SEES: locked
}

int main() {
  u_char bytes[] = {200, 201, 202};
  Buffer buffer{bytes, "bytes"};
  for (int round = 1;; ++round) {
    Apply(round % 10 + 1, &buffer);
    Count(round);
    usleep(2000);
  }
}
