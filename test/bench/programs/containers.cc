// SPDX-License-Identifier: Apache-2.0
//
// What a probed call costs its caller: `containers KIND SIZE` calls Probe 4000 times and prints the median of the times
// of the second half, in nanoseconds.
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string_view>
#include <vector>

namespace bench {

struct Item {
  long id;
  double price;
};

struct Data {
  std::map<int, int> tree;
  std::vector<Item> items;
  long scalars[400];
};

__attribute__((noinline)) void Probe(const Data& d) {
  asm volatile("nop" : : "r"(&d) : "memory");  // the logpoint
}

}  // namespace bench

int main(int argc, char** argv) {
  constexpr int kCalls = 4000;
  const int size = argc > 1 ? std::atoi(argv[1]) : 0;
  static bench::Data d;
  for (int i = 0; i < size; ++i) d.tree[i] = i;
  d.items.resize(100);
  std::puts("ready");
  std::fflush(stdout);
  std::getchar();  // until the logpoint is there
  std::vector<long> times;
  for (int i = 0; i < kCalls; ++i) {
    timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    bench::Probe(d);
    clock_gettime(CLOCK_MONOTONIC, &after);
    times.push_back((after.tv_sec - before.tv_sec) * 1000000000L + after.tv_nsec - before.tv_nsec);
    if (i % 50 == 0) usleep(20000);  // the reader of the records keeps up
  }
  times.erase(times.begin(), times.begin() + kCalls / 2);
  std::sort(times.begin(), times.end());
  std::printf("%ld\n", times[times.size() / 2]);
}
