// SPDX-License-Identifier: Apache-2.0
//
// An Attacher without a kernel: a test makes hits of a logpoint happen, and the engine drains them. Counts like the
// BPF programs do, the hit limit included.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "daemon/base/mutex.h"
#include "daemon/control/attacher.h"

namespace dlog::fakes {

class FakeKernel {
 public:
  static constexpr size_t kRingRecords = 1000;

  struct Attached {
    daemon::AttachOrder order;
    attach::CounterValues counters;
    uint64_t admitted = 0;
    uint64_t alarm = 0;
    int disarmed = 0;  // times
    bool armed = true;
    bool detached = false;
    bool freed = false;
    std::vector<attach::MissingSite> missing;
  };

  // -- what a test does

  // `count` executions of site 0 of the n-th attached logpoint that pass the condition and the rate limit.
  void Hit(size_t n, uint64_t count = 1) {
    MutexLock lock(&mutex_);
    Attached& attached = attached_.at(n);
    for (uint64_t i = 0; i < count && !attached.detached && attached.armed; ++i) {
      ++attached.counters.value[DLOG_COUNT_HITS];
      RaiseAlarm(n);
      if (attached.order.max_hits != 0 && attached.admitted >= attached.order.max_hits) {
        ++attached.counters.value[int{DLOG_COUNT_DROP_FIRST} + int{DLOG_DROP_AFTER_END}];
        continue;
      }
      ++attached.admitted;
      if (ring_.size() >= kRingRecords) {
        ++attached.counters.value[int{DLOG_COUNT_DROP_FIRST} + int{DLOG_DROP_RING_FULL}];
        continue;
      }
      ++attached.counters.value[DLOG_COUNT_SUBMITTED];
      attached.counters.value[DLOG_COUNT_BYTES] += sizeof(dlog_record);
      dlog_record record = {};
      record.site = SiteOf(n);
      record.generation = GenerationOf(n);
      record.boot_ns = i;
      ring_.push_back(record);
    }
  }
  // Hits that end in the kernel: DLOG_COUNT_FILTERED, DLOG_COUNT_RATE_LIMITED, DLOG_COUNT_DROP_FIRST + reason.
  void Lose(size_t n, int counter, uint64_t count) {
    MutexLock lock(&mutex_);
    attached_.at(n).counters.value[DLOG_COUNT_HITS] += count;
    attached_.at(n).counters.value[static_cast<size_t>(counter)] += count;
  }
  // A record that belongs to no logpoint.
  void StrayRecord() {
    MutexLock lock(&mutex_);
    dlog_record record = {};
    record.site = 4000;
    record.generation = 9;
    ring_.push_back(record);
  }
  // While held, nothing leaves the ring.
  void HoldRing(bool hold) {
    MutexLock lock(&mutex_);
    held_ = hold;
  }
  // Disarm of the n-th attached logpoint does not return until another is named, or none.
  void HoldDisarm(std::optional<size_t> n) {
    MutexLock lock(&mutex_);
    slow_disarm_ = n.has_value() ? *n + 1 : 0;
  }
  // The next Attach hits once before it returns (the probe is live before the caller knows), or fails.
  void HitWhileAttaching() {
    MutexLock lock(&mutex_);
    hit_while_attaching_ = true;
  }
  // The next Attach leaves these sites of the order without a probe.
  void MissNextAttach(std::vector<attach::MissingSite> missing) {
    MutexLock lock(&mutex_);
    next_missing_ = std::move(missing);
  }
  void FailNextAttach(absl::Status status) {
    MutexLock lock(&mutex_);
    next_error_ = std::move(status);
  }

  // -- what a test looks at

  size_t attached_count() const {
    MutexLock lock(&mutex_);
    return attached_.size();
  }
  Attached attached(size_t n) const {
    MutexLock lock(&mutex_);
    return attached_.at(n);
  }

  std::unique_ptr<daemon::Attacher> MakeAttacher() { return std::make_unique<Attacher>(this); }

 private:
  void RaiseAlarm(size_t n) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    Attached& attached = attached_.at(n);
    if (attached.alarm == 0 || attached.counters.value[DLOG_COUNT_HITS] < attached.alarm) return;
    attached.alarm = 0;
    raised_.push_back(GenerationOf(n));
  }
  static uint32_t SiteOf(size_t n) { return static_cast<uint32_t>(10 * n); }
  static uint32_t GenerationOf(size_t n) { return static_cast<uint32_t>(n + 1); }

  class Attachment : public daemon::Attachment {
   public:
    Attachment(FakeKernel* kernel, size_t n) : kernel_(kernel), n_(n) {}
    ~Attachment() override {
      MutexLock lock(&kernel_->mutex_);
      kernel_->attached_.at(n_).detached = true;
      kernel_->attached_.at(n_).freed = true;
    }
    uint32_t site_index(size_t i) const override { return SiteOf(n_) + static_cast<uint32_t>(i); }
    uint32_t generation() const override { return GenerationOf(n_); }
    attach::CounterValues Counters() const override {
      MutexLock lock(&kernel_->mutex_);
      return kernel_->attached_.at(n_).counters;
    }
    std::vector<attach::MissingSite> missing() const override {
      MutexLock lock(&kernel_->mutex_);
      return kernel_->attached_.at(n_).missing;
    }
    void Detach() override {
      MutexLock lock(&kernel_->mutex_);
      kernel_->attached_.at(n_).detached = true;
    }
    void Disarm() override {
      MutexLock lock(&kernel_->mutex_);
      kernel_->mutex_.Await(
          [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(kernel_->mutex_) { return kernel_->slow_disarm_ != n_ + 1; });
      kernel_->attached_.at(n_).armed = false;
      ++kernel_->attached_.at(n_).disarmed;
    }
    absl::Status Rearm() override {
      MutexLock lock(&kernel_->mutex_);
      kernel_->attached_.at(n_).armed = true;
      return absl::OkStatus();
    }
    void SetAlarm(uint64_t hits) override {
      MutexLock lock(&kernel_->mutex_);
      Attached& attached = kernel_->attached_.at(n_);
      attached.alarm = hits == 0 ? 0 : attached.counters.value[DLOG_COUNT_HITS] + hits;
    }

   private:
    FakeKernel* const kernel_;
    const size_t n_;
  };

  class Attacher : public daemon::Attacher {
   public:
    explicit Attacher(FakeKernel* kernel) : kernel_(kernel) {}

    absl::StatusOr<std::unique_ptr<daemon::Attachment>> Attach(const daemon::AttachOrder& order) override {
      size_t n = 0;
      bool hit = false;
      {
        MutexLock lock(&kernel_->mutex_);
        if (!kernel_->next_error_.ok()) return std::exchange(kernel_->next_error_, absl::OkStatus());
        n = kernel_->attached_.size();
        Attached attached;
        attached.order = order;
        attached.missing = std::exchange(kernel_->next_missing_, {});
        for (daemon::AttachSite& site : attached.order.sites) site.plan = nullptr;  // lives during the call only
        kernel_->attached_.push_back(std::move(attached));
        hit = std::exchange(kernel_->hit_while_attaching_, false);
      }
      if (hit) {
        kernel_->Hit(n);
        absl::SleepFor(absl::Milliseconds(30));  // the drain thread meets the record before the logpoint is registered
      }
      return std::make_unique<Attachment>(kernel_, n);
    }

    absl::StatusOr<int> Poll(int timeout_ms, const std::function<void(const attach::RawRecord&)>& on_record) override {
      std::deque<dlog_record> records;
      {
        MutexLock lock(&kernel_->mutex_);
        kernel_->mutex_.AwaitFor(absl::Milliseconds(timeout_ms),
                                 [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(kernel_->mutex_) {
                                   return !kernel_->held_ && !kernel_->ring_.empty();
                                 });
        if (!kernel_->held_) records.swap(kernel_->ring_);
      }
      for (const dlog_record& record : records) on_record({&record, {}});
      return static_cast<int>(records.size());
    }

    void WaitAlarms(int timeout_ms, const std::function<void(uint32_t generation)>& on_alarm) override {
      std::vector<uint32_t> raised;
      {
        MutexLock lock(&kernel_->mutex_);
        kernel_->mutex_.AwaitFor(
            absl::Milliseconds(timeout_ms),
            [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(kernel_->mutex_) { return !kernel_->raised_.empty(); });
        raised.swap(kernel_->raised_);
      }
      for (const uint32_t generation : raised) on_alarm(generation);
    }

    double RingUsedRatio() override {
      MutexLock lock(&kernel_->mutex_);
      return kernel_->ring_.empty() ? 0 : 0.5;
    }

   private:
    FakeKernel* const kernel_;
  };

  mutable Mutex mutex_;
  std::deque<Attached> attached_ ABSL_GUARDED_BY(mutex_);
  std::deque<dlog_record> ring_ ABSL_GUARDED_BY(mutex_);
  std::vector<uint32_t> raised_ ABSL_GUARDED_BY(mutex_);  // alarms
  bool held_ ABSL_GUARDED_BY(mutex_) = false;
  size_t slow_disarm_ ABSL_GUARDED_BY(mutex_) = 0;  // 1 + n
  bool hit_while_attaching_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status next_error_ ABSL_GUARDED_BY(mutex_);
  std::vector<attach::MissingSite> next_missing_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dlog::fakes
