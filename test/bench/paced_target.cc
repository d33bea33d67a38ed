// SPDX-License-Identifier: Apache-2.0
//
//   paced_target CALLS_PER_SECOND SECONDS
//
// Calls a function so many times a second, in bursts no longer than a millisecond, each with the number of the call and
// CLOCK_BOOTTIME. Prints how many calls there were.
#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

static std::int64_t Now() {
  timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

[[gnu::noinline]] static void Keep(std::int64_t value) { asm volatile("" : : "r"(value)); }

[[gnu::noinline]] static void Call(std::int64_t id, std::int64_t sent) {
  const std::int64_t kept = id + sent;
  Keep(kept);  // MARK: paced
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const double per_second = std::strtod(argv[1], nullptr);
  const auto calls = static_cast<std::int64_t>(per_second * std::strtod(argv[2], nullptr));
  const std::int64_t start = Now();
  std::int64_t id = 0;
  while (id < calls) {
    const auto due = std::min(calls, static_cast<std::int64_t>(static_cast<double>(Now() - start) * 1e-9 * per_second));
    while (id < due) Call(++id, Now());
    const timespec pause = {0, per_second >= 1000 ? 500'000 : 5'000'000};
    nanosleep(&pause, nullptr);
  }
  std::printf("%lld calls in %.2f s\n", static_cast<long long>(id), static_cast<double>(Now() - start) * 1e-9);
}
