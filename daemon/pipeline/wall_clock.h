// SPDX-License-Identifier: Apache-2.0
//
// CLOCK_BOOTTIME of a hit -> time of day.
#pragma once

#include <cstdint>
#include <functional>

namespace dlog::pipeline {

// Nanoseconds of the two clocks, read as one moment.
struct ClockPair {
  int64_t boot_ns = 0;
  int64_t unix_ns = 0;
};

// Reads CLOCK_REALTIME between two readings of CLOCK_BOOTTIME and keeps the tightest of a few tries.
ClockPair ReadClocks();

// Thread-compatible. Someone may set the clock at any time, so the offset is measured again when a record is more than
// kRefreshNs away from the last measurement.
class WallClock {
 public:
  static constexpr int64_t kRefreshNs = 1'000'000'000;

  explicit WallClock(std::function<ClockPair()> read = ReadClocks) : read_(std::move(read)) {}
  int64_t UnixNs(uint64_t boot_ns);

 private:
  std::function<ClockPair()> read_;
  ClockPair last_;
  bool measured_ = false;
};

}  // namespace dlog::pipeline
