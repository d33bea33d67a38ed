// SPDX-License-Identifier: Apache-2.0
//
// A function whose first instruction is stepped by the kernel and which has an emulated one a little further on, as
// most functions of optimised code. Prints nanoseconds per call, once for each half second: of processor time,
// and as they passed (a debugger costs its target little processor time and keeps it waiting). With a number: calls it
// so many times a second, spinning in between.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>

static double Seconds(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

[[gnu::noinline]] void Sink(std::int64_t value) { asm volatile("" : : "r"(value)); }

extern "C" [[gnu::noinline]] std::int64_t Work(std::int64_t id, std::int64_t count) {
  std::int64_t sum = id * 3 + count;  // MARK: line
  Sink(sum);
  return sum + count;
}

// What was missed is not made up for: no bursts.
static void SpinUntil(double* next, double period) {
  const double due = *next;
  double now = Seconds(CLOCK_MONOTONIC);
  while (now < due) now = Seconds(CLOCK_MONOTONIC);
  *next = now > due + 2 * period ? now + period : due + period;
}

int main(int argc, char** argv) {
  const double rate = argc > 1 ? std::atof(argv[1]) : 0;
  std::int64_t id = 0;
  double next = Seconds(CLOCK_MONOTONIC);
  while (true) {
    const double cpu = Seconds(CLOCK_PROCESS_CPUTIME_ID);
    const double start = Seconds(CLOCK_MONOTONIC);
    double now = start;
    std::int64_t calls = 0;
    for (; now - start < 0.5; now = Seconds(CLOCK_MONOTONIC)) {
      for (int i = 0; i < 100; ++i) {
        Work(++id, 7);
        if (rate > 0) SpinUntil(&next, 1 / rate);
      }
      calls += 100;
    }
    const double scale = 1e9 / static_cast<double>(calls);
    std::printf("%.1f %.1f\n", (Seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) * scale, (now - start) * scale);
    std::fflush(stdout);
  }
}
