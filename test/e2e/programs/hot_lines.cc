// SPDX-License-Identifier: Apache-2.0
//
// Several lines that run many millions of times a second each, every line in a thread of its own; with the argument
// "one" all in one thread. One line has three sites: a function template. Prints executions per second of processor
// time, of all threads, once a second.
#include <unistd.h>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <functional>
#include <thread>
#include <vector>

template <int N>
[[gnu::noinline]] std::uint64_t Step(std::uint64_t x) {  // MARK: sites
  asm volatile("" : "+r"(x));
  return x * (2 * N + 1) + 1;
}

[[gnu::noinline]] std::uint64_t First(std::uint64_t x) {
  asm volatile("" : "+r"(x));
  return x * 3 + 1;  // MARK: first
}

[[gnu::noinline]] std::uint64_t Second(std::uint64_t x) {
  asm volatile("" : "+r"(x));
  return x * 5 + 2;  // MARK: second
}

[[gnu::noinline]] std::uint64_t Third(std::uint64_t x) {
  asm volatile("" : "+r"(x));
  return x * 7 + 3;  // MARK: third
}

[[gnu::noinline]] std::uint64_t Steps(std::uint64_t x) { return Step<1>(Step<2>(Step<3>(x))); }

std::atomic<std::uint64_t> executions{0};

static void Run(const std::vector<std::uint64_t (*)(std::uint64_t)>& calls) {
  for (std::uint64_t x = 1;; executions.fetch_add(1000 * calls.size(), std::memory_order_relaxed)) {
    for (int i = 0; i < 1000; ++i) {
      for (const auto call : calls) x = call(x);
    }
  }
}

[[gnu::noinline]] static double CpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

int main(int argc, char** argv) {
  const std::vector<std::uint64_t (*)(std::uint64_t)> calls = {First, Second, Third, Steps};
  std::vector<std::thread> threads;
  if (argc > 1 && std::strcmp(argv[1], "one") == 0) {
    threads.emplace_back([calls] { Run(calls); });
  } else {
    for (const auto call : calls) threads.emplace_back([call] { Run({call}); });
  }
  std::uint64_t before = 0;
  for (double cpu = CpuSeconds();;) {
    sleep(1);
    const double now = CpuSeconds();
    const std::uint64_t count = executions;
    std::printf("%.0f\n", static_cast<double>(count - before) / (now - cpu));
    std::fflush(stdout);
    before = count;
    cpu = now;
  }
}
