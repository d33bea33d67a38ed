// SPDX-License-Identifier: Apache-2.0
//
// A line that runs hundreds of millions of times a second, and how often it did: prints its executions per second of
// processor time, once a second.
#include <cstdint>
#include <cstdio>
#include <ctime>

static double Seconds(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

[[gnu::noinline]] std::uint64_t Step(std::uint64_t x) {
  asm volatile("" : "+r"(x));
  return x * 3 + 1;  // MARK: hot
}

int main() {
  std::uint64_t x = 1;
  while (true) {
    const double start = Seconds(CLOCK_MONOTONIC);
    const double cpu = Seconds(CLOCK_PROCESS_CPUTIME_ID);
    std::uint64_t steps = 0;
    for (; Seconds(CLOCK_MONOTONIC) - start < 1; steps += 10000) {
      for (int i = 0; i < 10000; ++i) x = Step(x);
    }
    std::printf("%.0f\n", static_cast<double>(steps) / (Seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu));
    std::fflush(stdout);
  }
}
