// SPDX-License-Identifier: Apache-2.0
//
// Calls that wait for the kernel, made at the same time.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace dlog::daemon {

// Calls `call(i)` for each i below `count`, from up to `threads` threads, the caller's among them. Returns when all
// calls have. `call` must be safe to run beside itself with another i.
template <typename Call>
void InParallel(size_t count, size_t threads, const Call& call) {
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < count; i = next++) call(i);
  };
  std::vector<std::thread> helpers;
  for (size_t i = 1; i < std::min(count, threads); ++i) helpers.emplace_back(work);
  work();
  for (std::thread& helper : helpers) helper.join();
}

}  // namespace dlog::daemon
