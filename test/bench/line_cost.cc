// SPDX-License-Identifier: Apache-2.0
//
// A function whose first instruction is stepped by the kernel and which has an emulated one a little further on, as
// most functions of optimised code. Prints nanoseconds of processor time per call, once for each half second.
#include <cstdint>
#include <cstdio>
#include <ctime>

static double CpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

[[gnu::noinline]] void Sink(std::int64_t value) { asm volatile("" : : "r"(value)); }

extern "C" [[gnu::noinline]] std::int64_t Work(std::int64_t id, std::int64_t count) {
  std::int64_t sum = id * 3 + count;  // MARK: line
  Sink(sum);
  return sum + count;
}

int main() {
  std::int64_t id = 0;
  while (true) {
    const double start = CpuSeconds();
    double now = start;
    std::int64_t calls = 0;
    for (; now - start < 0.5; now = CpuSeconds()) {
      for (int i = 0; i < 100; ++i) Work(++id, 7);
      calls += 100;
    }
    std::printf("%.1f\n", (now - start) * 1e9 / static_cast<double>(calls));
    std::fflush(stdout);
  }
}
