// SPDX-License-Identifier: Apache-2.0
//
// A histogram of durations that is cheap enough for the drain thread: relaxed atomics, fixed bounds.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace dlog::metrics {

struct HistogramSnapshot {
  std::vector<double> upper_bounds;  // seconds, ascending; a last bucket without bound follows
  std::vector<uint64_t> counts;      // per bucket, not cumulative; one more than upper_bounds
  double sum_seconds = 0;
};

// 10 us to 100 s in steps of about 1, 2.5, 5. Thread-safe.
class DurationHistogram {
 public:
  static constexpr std::array<double, 22> kBounds = {1e-5, 2.5e-5, 5e-5,   1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3,
                                                     5e-3, 1e-2,   2.5e-2, 5e-2, 0.1,    0.25, 0.5,  1,
                                                     2.5,  5,      10,     25,   50,     100};

  // Durations that are counted by one thread first, and added all at once: without an atomic for each.
  class Tally {
   public:
    void Observe(int64_t nanoseconds) {
      if (nanoseconds < 0) nanoseconds = 0;
      ++counts_[BucketOf(nanoseconds)];
      sum_ns_ += static_cast<uint64_t>(nanoseconds);
    }

   private:
    friend class DurationHistogram;
    std::array<uint64_t, kBounds.size() + 1> counts_ = {};
    uint64_t sum_ns_ = 0;
  };

  void Observe(int64_t nanoseconds) {
    if (nanoseconds < 0) nanoseconds = 0;
    counts_[BucketOf(nanoseconds)].fetch_add(1, std::memory_order_relaxed);
    sum_ns_.fetch_add(static_cast<uint64_t>(nanoseconds), std::memory_order_relaxed);
  }
  void Add(const Tally& tally) {
    for (size_t i = 0; i < counts_.size(); ++i) {
      if (tally.counts_[i] != 0) counts_[i].fetch_add(tally.counts_[i], std::memory_order_relaxed);
    }
    sum_ns_.fetch_add(tally.sum_ns_, std::memory_order_relaxed);
  }

  HistogramSnapshot Snapshot() const {
    HistogramSnapshot out;
    out.upper_bounds.assign(kBounds.begin(), kBounds.end());
    for (const auto& count : counts_) out.counts.push_back(count.load(std::memory_order_relaxed));
    out.sum_seconds = static_cast<double>(sum_ns_.load(std::memory_order_relaxed)) * 1e-9;
    return out;
  }

 private:
  static size_t BucketOf(int64_t nanoseconds) {
    const double seconds = static_cast<double>(nanoseconds) * 1e-9;
    size_t bucket = 0;
    while (bucket < kBounds.size() && seconds > kBounds[bucket]) ++bucket;
    return bucket;
  }

  std::array<std::atomic<uint64_t>, kBounds.size() + 1> counts_ = {};
  std::atomic<uint64_t> sum_ns_{0};
};

}  // namespace dlog::metrics
