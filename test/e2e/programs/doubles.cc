// SPDX-License-Identifier: Apache-2.0
//
// Doubles and floats that live in vector registers, on four busy threads. Each call says which values it must have:
// ratio = id / 4, single = id / 2 as float, pair = {id + 0.5, id + 0.25}.
#include <cstdint>
#include <thread>
#include <vector>

struct Pair {
  double first;
  double second;
};

void Keep(const void* object);

[[gnu::noinline]] double Mix(std::int64_t id, double ratio, float single, Pair pair) {
  double mixed = ratio * 2 + single + pair.first * pair.second;  // MARK: doubles
  asm volatile("" : "+x"(mixed) : "r"(id));
  return mixed + pair.second;
}

static void Run(int seed) {
  double sum = 0;
  for (std::int64_t id = seed;; id += 4) {
    const std::int64_t n = id % 1000000;
    const double d = static_cast<double>(n);
    sum += Mix(n, d / 4, static_cast<float>(d) / 2, {d + 0.5, d + 0.25});
    Keep(&sum);
  }
}

int main() {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(Run, i);
  for (std::thread& thread : threads) thread.join();
}
