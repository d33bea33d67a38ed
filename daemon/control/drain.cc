// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/drain.h"

#include <fmt/format.h>
#include <time.h>

#include <cstdio>
#include <memory>
#include <utility>

#include "absl/time/clock.h"

namespace dlog::daemon {
namespace {

// The programs wake the reader only when much is waiting (a wake-up per hit would cost the target more than the hit);
// this bounds the latency of the rest.
constexpr int kPollMs = 5;
constexpr absl::Duration kPauseAfterError = absl::Milliseconds(100);

int64_t BootNanoseconds() {
  timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

DrainThread::DrainThread(DrainSeams seams) : seams_(std::move(seams)), thread_([this] { Run(); }) {}

DrainThread::~DrainThread() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
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

void DrainThread::Barrier() { MutexLock lock(&record_mutex_); }

void DrainThread::Run() {
  bool reported = false;
  for (uint64_t batch = 1;; ++batch) {
    {
      MutexLock lock(&mutex_);
      mutex_.Await([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return HasWork(); });
      if (stopping_) return;
    }
    auto records = seams_.attacher->Poll(kPollMs, [&](const attach::RawRecord& record) { OnRecord(batch, record); });
    if (records.ok()) continue;
    if (!std::exchange(reported, true)) {
      fmt::print(stderr, "dlogd: reading the ring buffer: {}\n", std::string(records.status().message()));
    }
    absl::SleepFor(kPauseAfterError);
  }
}

void DrainThread::OnRecord(uint64_t batch, const attach::RawRecord& record) {
  const RecordOwner owner = seams_.registry->OwnerOf(record.header->site, record.header->generation);
  if (owner.logpoint == nullptr) return;  // its account is closed: the wait at the end of a logpoint was given up
  auto event = std::make_shared<v1::Event>();
  const absl::Status built =
      seams_.build(owner.logpoint->context(), owner.site, *record.header, record.segments, event.get());
  MutexLock lock(&record_mutex_);
  if (!built.ok()) {
    owner.logpoint->Undecodable(built);
    return;
  }
  if (!owner.logpoint->Accept(batch, event.get())) return;
  const sink::EventPtr published = std::move(event);
  for (sink::Sink* sink : seams_.sinks) sink->Publish(published);
  seams_.latency->Observe(BootNanoseconds() - static_cast<int64_t>(record.header->boot_ns));
  const uint64_t limit = owner.logpoint->context().spec.limits().hits();
  if (limit != 0 && seams_.on_hit_limit && owner.logpoint->HitLimitReached()) seams_.on_hit_limit();
}

}  // namespace dlog::daemon
