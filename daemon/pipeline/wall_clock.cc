// SPDX-License-Identifier: Apache-2.0
#include "daemon/pipeline/wall_clock.h"

#include <time.h>

#include <limits>

namespace dlog::pipeline {
namespace {

constexpr int kTries = 3;

int64_t Now(clockid_t clock) {
  timespec now = {};
  clock_gettime(clock, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

ClockPair ReadClocks() {
  ClockPair best;
  int64_t best_width = std::numeric_limits<int64_t>::max();
  for (int i = 0; i < kTries; ++i) {
    const int64_t before = Now(CLOCK_BOOTTIME);
    const int64_t unix_ns = Now(CLOCK_REALTIME);
    const int64_t width = Now(CLOCK_BOOTTIME) - before;
    if (width >= best_width) continue;
    best_width = width;
    best = {before + width / 2, unix_ns};
  }
  return best;
}

int64_t WallClock::UnixNs(uint64_t boot_ns) {
  // Unsigned: a record's time is not trusted to be near anything.
  const auto distance = [&] { return boot_ns - static_cast<uint64_t>(last_.boot_ns) + kRefreshNs; };
  if (!measured_ || distance() > uint64_t{2} * kRefreshNs) {
    last_ = read_();
    measured_ = true;
  }
  return static_cast<int64_t>(boot_ns + (static_cast<uint64_t>(last_.unix_ns) - static_cast<uint64_t>(last_.boot_ns)));
}

}  // namespace dlog::pipeline
