// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/drain.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <utility>

#include "absl/time/clock.h"
#include "daemon/base/boot_time.h"

namespace dlog::daemon {
namespace {

// The programs wake the reader only when much is waiting (a wake-up per hit would cost the target more than the hit);
// this bounds the latency of the rest.
constexpr int kPollMs = 5;
// What goes to the sinks at once, at most: enough to forget the locks, little enough to stay in the cache.
constexpr size_t kBatchEvents = 256;
constexpr size_t kBatchBytes = size_t{256} << 10;
constexpr absl::Duration kGather = absl::Milliseconds(1);
constexpr absl::Duration kPauseAfterError = absl::Milliseconds(100);

int64_t BootNanoseconds() { return absl::ToUnixNanos(BootTime()); }

}  // namespace

// Batches that the sinks are done with: their memory is used again instead of going through the allocator, and back to
// the kernel, for each.
class BatchPool {
 public:
  // An empty batch that does not hold much more memory than `bytes`: while it waits in a queue it counts with all that
  // it holds. It comes back to `pool`, on the thread that gives it up.
  static std::shared_ptr<event::Batch> Take(const std::shared_ptr<BatchPool>& pool, size_t bytes) {
    std::unique_ptr<event::Batch> batch = pool->Reused(std::max(kSmall, kRoomier * bytes));
    if (batch == nullptr) batch = std::make_unique<event::Batch>();
    return {batch.release(), [pool](event::Batch* done) { pool->Return(std::unique_ptr<event::Batch>(done)); }};
  }

 private:
  static constexpr size_t kKept = 8;
  static constexpr size_t kSmall = size_t{4} << 10;
  static constexpr size_t kRoomier = 2;

  std::unique_ptr<event::Batch> Reused(size_t most_bytes) ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(&mutex_);
    if (kept_.empty()) return nullptr;
    std::unique_ptr<event::Batch> batch = std::move(kept_.back());
    kept_.pop_back();
    return batch->bytes() <= most_bytes ? std::move(batch) : nullptr;
  }
  void Return(std::unique_ptr<event::Batch> batch) ABSL_LOCKS_EXCLUDED(mutex_) {
    batch->Clear();
    if (batch->bytes() > 2 * kBatchBytes) return;  // of a few large events: not kept for small ones
    MutexLock lock(&mutex_);
    if (kept_.size() < kKept) kept_.push_back(std::move(batch));
  }

  Mutex mutex_;
  std::vector<std::unique_ptr<event::Batch>> kept_ ABSL_GUARDED_BY(mutex_);
};

DrainThread::DrainThread(DrainSeams seams)
    : seams_(std::move(seams)), pool_(std::make_shared<BatchPool>()), thread_([this] { Run(); }) {}

DrainThread::~DrainThread() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  seams_.attacher->StopWaiting();
  thread_.join();
}

void DrainThread::AddUser() {
  MutexLock lock(&mutex_);
  ++users_;
}

void DrainThread::RemoveUser() {
  MutexLock lock(&mutex_);
  --users_;
}

void DrainThread::Barrier() { MutexLock lock(&publish_mutex_); }

void DrainThread::Run() {
  bool reported = false;
  while (true) {
    {
      MutexLock lock(&mutex_);
      mutex_.Await([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return HasWork(); });
      if (stopping_) return;
    }
    ++polls_;
    auto records = seams_.attacher->Poll(kPollMs, [this](const attach::RawRecord& record) { OnRecord(record); });
    PublishBatch();
    if (records.ok()) {
      // Records come one by one: let some gather, or each costs what a batch costs.
      if (*records > 0 && static_cast<size_t>(*records) < kBatchEvents) absl::SleepFor(kGather);
      continue;
    }
    if (!std::exchange(reported, true)) {
      fmt::print(stderr, "dlogd: reading the ring buffer: {}\n", std::string(records.status().message()));
    }
    absl::SleepFor(kPauseAfterError);
  }
}

// Most records have the owner of the one before.
const RecordOwner& DrainThread::OwnerOf(const dlog_record& header) {
  const uint64_t version = seams_.registry->version();
  if (owner_.logpoint == nullptr || owner_site_ != header.site || owner_generation_ != header.generation ||
      owner_version_ != version) {
    owner_ = seams_.registry->OwnerOf(header.site, header.generation);
    owner_site_ = header.site;
    owner_generation_ = header.generation;
    owner_version_ = version;
  }
  return owner_;
}

void DrainThread::OnRecord(const attach::RawRecord& record) {
  const RecordOwner& owner = OwnerOf(*record.header);
  if (owner.logpoint == nullptr) return;  // its account is closed: the wait at the end of a logpoint was given up
  if (batch_ == nullptr) batch_ = BatchPool::Take(pool_, batch_bytes_);
  const absl::Status built =
      seams_.build(owner.logpoint->context(), owner.site, *record.header, record.segments, batch_.get());
  if (!built.ok()) return owner.logpoint->Undecodable(built);
  if (owners_.empty() || owners_.back() != owner.logpoint) {
    owners_.push_back(owner.logpoint);
    batch_->Keep(owner.logpoint->setup().context);
  }
  decoded_.push_back({owner.logpoint.get(), record.header->boot_ns});
  if (batch_->size() >= kBatchEvents || batch_->bytes() >= kBatchBytes) PublishBatch();
}

void DrainThread::PublishBatch() {
  owner_ = {};  // no logpoint is kept alive by a ring that is silent
  if (batch_ == nullptr) return;
  MutexLock lock(&publish_mutex_);
  batch_->Filter([&](size_t i) { return decoded_[i].logpoint->Accept(polls_, batch_->at(i)); });
  // Of the largest of late.
  batch_bytes_ = std::max(batch_->filled_bytes(), batch_bytes_ / 2);
  if (!batch_->empty()) {
    const event::BatchPtr published = std::move(batch_);
    for (sink::Sink* sink : seams_.sinks) sink->Publish(published);
  }
  batch_ = nullptr;
  const int64_t now = BootNanoseconds();
  metrics::DurationHistogram::Tally latencies;
  for (const Decoded& decoded : decoded_) latencies.Observe(now - static_cast<int64_t>(decoded.boot_ns));
  seams_.latency->Add(latencies);
  for (const auto& logpoint : owners_) {
    const uint64_t limit = logpoint->context().spec.limits().hits();
    if (limit != 0 && seams_.on_hit_limit && logpoint->HitLimitReached()) seams_.on_hit_limit();
  }
  decoded_.clear();
  owners_.clear();
}

}  // namespace dlog::daemon
