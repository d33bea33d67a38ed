// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/budget_keeper.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"

namespace dlog::daemon {
namespace {

constexpr absl::Duration kLongestWait = absl::Seconds(1);
constexpr absl::Duration kLongestThrottledWait = absl::Milliseconds(250);
constexpr absl::Duration kRetryArming = absl::Seconds(1);
// A probe that has been on for so long without an alarm needs no throttling any more.
constexpr absl::Duration kCalm = absl::Seconds(2);
// Of the budget, before a probe is put back: arming costs too, so slices are not too small.
constexpr double kRearmAt = 0.5;
// A logpoint with less of its own budget left than this takes part in using up that of its target.
constexpr double kSpending = 0.8;
constexpr size_t kDisarmThreads = 8;

v1::InstructionClass DearestClass(const Logpoint& logpoint, bool* vectors) {
  v1::InstructionClass dearest = v1::CLASS_NOP;
  for (const auto& site : logpoint.context().sites) {
    const v1::CandidateSite& candidate =
        logpoint.context().resolved.statements(site.statement).candidates(site.candidate);
    dearest = std::max(dearest, candidate.instruction_class());
    *vectors |= candidate.plan().vector_mask() != 0;
  }
  return dearest;
}

v1::InstructionClass DearestEntry(const Logpoint& logpoint) {
  v1::InstructionClass dearest = v1::CLASS_UNKNOWN;
  const std::vector<int>& chosen = logpoint.context().entries;
  for (size_t e = 0; e < chosen.size(); ++e) {
    if (chosen[e] < 0) continue;
    const v1::Statement& entry = logpoint.context().resolved.entries(static_cast<int>(e));
    dearest = std::max(dearest, entry.candidates(chosen[e]).instruction_class());
  }
  return dearest;
}

}  // namespace

BudgetKeeper::BudgetKeeper(Attacher* attacher, std::function<absl::Time()> now)
    : attacher_(attacher), now_(std::move(now)), thread_([this] { Run(); }) {
  for (size_t i = 0; i < kDisarmThreads; ++i) disarming_threads_.emplace_back([this] { DisarmQueued(); });
}

BudgetKeeper::~BudgetKeeper() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  attacher_->StopWaiting();
  thread_.join();
  for (std::thread& thread : disarming_threads_) thread.join();
}

void BudgetKeeper::Add(const std::shared_ptr<Logpoint>& logpoint) {
  MutexLock lock(&mutex_);
  const absl::Time now = now_();
  const double part = logpoint->context().spec.limits().budget();
  if (part <= 0) return;
  std::shared_ptr<TimeBudget> target = targets_[logpoint->setup().target_key].lock();
  if (target == nullptr) {
    target = std::make_shared<TimeBudget>(std::max(part, kTargetBudget), now);
    targets_[logpoint->setup().target_key] = target;
  }
  target->Raise(part);
  bool vectors = false;
  const attach::HitCosts costs = attacher_->Costs();
  const auto trap = [&costs](v1::InstructionClass dearest) {
    return absl::Nanoseconds(dearest > v1::CLASS_EMULATED ? costs.stepped_ns : costs.emulated_ns);
  };
  const v1::InstructionClass entry_class = DearestEntry(*logpoint);
  const absl::Duration start = absl::Nanoseconds(entry_class == v1::CLASS_UNKNOWN ? 0 : costs.start_ns);
  Entry entry{logpoint, std::move(target), TimeBudget(part, now)};
  entry.hit_cost = trap(DearestClass(*logpoint, &vectors)) + start;
  entry.start_cost = trap(entry_class) + start;
  entry.capture_cost = absl::Nanoseconds(costs.capture_ns + (vectors ? costs.vectors_ns : 0));
  entry.added = entry.armed_at = now;
  Check({&entries_.insert_or_assign(logpoint->id(), std::move(entry)).first->second}, now);
}

void BudgetKeeper::Remove(const std::string& id) {
  MutexLock lock(&mutex_);
  const auto is_idle = [this, &id]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto found = entries_.find(id);
    return found == entries_.end() || !found->second.disarming;
  };
  mutex_.Await(is_idle);
  entries_.erase(id);
}

// What the hits since the last time have cost.
void BudgetKeeper::Charge(Entry* entry, absl::Time now) {
  const attach::CounterValues counters = entry->logpoint->KernelCounters();
  const uint64_t hits = counters.value[DLOG_COUNT_HITS];
  const uint64_t starts = counters.value[DLOG_COUNT_STARTS];
  const uint64_t captured = counters.value[DLOG_COUNT_SUBMITTED];
  const absl::Duration cost = static_cast<int64_t>(hits - entry->hits) * entry->hit_cost +
                              static_cast<int64_t>(starts - entry->starts) * entry->start_cost +
                              static_cast<int64_t>(captured - entry->captured) * entry->capture_cost;
  entry->hits = hits;
  entry->starts = starts;
  entry->captured = captured;
  entry->spent += cost;
  entry->own.Spend(cost, now);
  entry->target->Spend(cost, now);
  const absl::Duration life = std::max(now - entry->added, absl::Milliseconds(1));
  entry->logpoint->SetOverhead(absl::FDivDuration(entry->spent, std::max(life, absl::Seconds(1))));
}

absl::Duration BudgetKeeper::Left(const Entry& entry, absl::Time now) const {
  return std::min(entry.own.Left(now), entry.target->Left(now));
}

// Every processor, and every logpoint of the target, may spend its share before it tells.
void BudgetKeeper::SetAlarm(Entry* entry, absl::Time now) {
  const absl::Duration share = entry->target->Left(now) / static_cast<int64_t>(entry->target.use_count());
  const absl::Duration dearest = std::max(entry->hit_cost + entry->capture_cost, entry->start_cost);
  const double hits = absl::FDivDuration(std::min(share, entry->own.Left(now)), dearest);
  entry->logpoint->SetAlarm(std::max<uint64_t>(1, static_cast<uint64_t>(hits / attacher_->Costs().processors)));
}

// A logpoint that has hardly cost anything goes on when others have used up what the target may lose.
void BudgetKeeper::Check(const std::vector<Entry*>& alarmed, absl::Time now) {
  std::set<Entry*> over;
  for (Entry* entry : alarmed) {
    for (auto& [id, other] : entries_) {
      if (other.target == entry->target) Charge(&other, now);
    }
    if (Left(*entry, now) > absl::ZeroDuration()) {
      SetAlarm(entry, now);
      continue;
    }
    over.insert(entry);
    if (entry->target->Left(now) > absl::ZeroDuration()) continue;
    for (auto& [id, other] : entries_) {
      const bool spends = other.own.Left(now) < kSpending * other.own.Most();
      if (other.target == entry->target && other.armed() && spends) over.insert(&other);
    }
  }
  for (Entry* entry : over) {
    entry->disarming = entry->throttled = true;
    to_disarm_.push_back(entry);
  }
}

// Taking a probe off waits for the kernel, for seconds when that is busy, and others would go on to cost until it is
// their turn. So several threads do, and none of them holds the lock meanwhile: Remove waits for the entry.
void BudgetKeeper::DisarmQueued() {
  mutex_.Lock();
  const auto has_work = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || !to_disarm_.empty(); };
  while (true) {
    mutex_.Await(has_work);
    if (to_disarm_.empty()) break;
    Entry* const entry = to_disarm_.front();
    to_disarm_.pop_front();
    mutex_.Unlock();
    entry->logpoint->Disarm();
    mutex_.Lock();
    const absl::Time off = now_();
    Charge(entry, off);
    Throttle(entry, off);
    entry->disarming = false;
  }
  mutex_.Unlock();
}

void BudgetKeeper::Throttle(Entry* entry, absl::Time off) {
  const absl::Duration on = std::max(off - entry->armed_at, absl::Milliseconds(1));
  const auto refilled = [](const TimeBudget& budget) { return budget.WhenLeft(kRearmAt * budget.Most()); };
  entry->rearm_at = std::max({refilled(entry->own), refilled(*entry->target), off});
  entry->throttled = true;
  // What the next slice stands for.
  const double factor = absl::FDivDuration(entry->rearm_at - entry->armed_at, on);
  entry->logpoint->SetThrottled(
      std::max(1.0, factor),
      fmt::format("logging every hit would take more than {:g}% of a core from the target", 100 * entry->own.part()));
}

void BudgetKeeper::Rearm(Entry* entry, absl::Time now) {
  SetAlarm(entry, now);
  const absl::Status status = entry->logpoint->Rearm();
  entry->armed_at = now_();
  entry->rearm_at = status.ok() ? absl::InfiniteFuture() : now + kRetryArming;
}

void BudgetKeeper::OnAlarms(const std::set<uint32_t>& generations) {
  MutexLock lock(&mutex_);
  std::vector<Entry*> alarmed;
  for (auto& [id, entry] : entries_) {
    if (entry.armed() && generations.count(entry.logpoint->generation()) != 0) alarmed.push_back(&entry);
  }
  Check(alarmed, now_());
}

absl::Time BudgetKeeper::Tend() {
  MutexLock lock(&mutex_);
  absl::Time next = now_() + kLongestWait;
  for (auto& [id, entry] : entries_) {
    if (!entry.throttled) continue;
    const absl::Time now = now_();
    if (entry.rearm_at <= now) {
      Rearm(&entry, now);
    } else if (entry.armed() && now - entry.armed_at > kCalm) {
      entry.throttled = false;
      entry.logpoint->SetThrottled(1, "");
    }
    next = std::min({next, entry.rearm_at, now + kLongestThrottledWait});
  }
  return next;
}

void BudgetKeeper::Run() {
  while (true) {
    {
      MutexLock lock(&mutex_);
      if (stopping_) return;
    }
    const absl::Duration wait = std::clamp(Tend() - now_(), absl::Milliseconds(1), kLongestWait);
    std::set<uint32_t> raised;
    attacher_->WaitAlarms(static_cast<int>(absl::ToInt64Milliseconds(wait)),
                          [&raised](uint32_t generation) { raised.insert(generation); });
    if (!raised.empty()) OnAlarms(raised);
  }
}

}  // namespace dlog::daemon
