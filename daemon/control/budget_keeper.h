// SPDX-License-Identifier: Apache-2.0
//
// Holds every logpoint to its budget of processor time taken from the target. The kernel sends an alarm when as many
// hits have come as the budget is worth; then the probe is taken off, which makes the line free of any cost, and put
// back when the budget has filled up again. A line that runs fifty million times a second is so logged for a few
// milliseconds out of each few hundred.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "daemon/base/mutex.h"
#include "daemon/control/attacher.h"
#include "daemon/control/logpoint.h"
#include "daemon/control/time_budget.h"

namespace dlog::daemon {

// For all logpoints of one target together.
inline constexpr double kTargetBudget = 0.02;

// Thread-safe. Runs threads of its own from construction to destruction.
class BudgetKeeper {
 public:
  // `attacher` must outlive this. `now`: monotonic.
  BudgetKeeper(Attacher* attacher, std::function<absl::Time()> now);
  ~BudgetKeeper();

  // From now on; `logpoint` is attached.
  void Add(const std::shared_ptr<Logpoint>& logpoint) ABSL_LOCKS_EXCLUDED(mutex_);
  // Before its end: when it returns, nobody arms it again. Unknown ids are fine.
  void Remove(const std::string& id) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Entry {
    std::shared_ptr<Logpoint> logpoint;
    std::shared_ptr<TimeBudget> target;  // shared by the logpoints of one target
    TimeBudget own;
    absl::Duration hit_cost = {};      // what the probe as such costs
    absl::Duration capture_cost = {};  // on top, when the hit is captured
    absl::Duration start_cost = {};    // of noting the start of a call
    uint64_t hits = 0;                 // accounted for
    uint64_t starts = 0;
    uint64_t captured = 0;
    absl::Duration spent = {};
    absl::Time added = {};
    absl::Time armed_at = {};
    absl::Time rearm_at = absl::InfiniteFuture();  // finite while the probe is off
    bool throttled = false;
    bool disarming = false;  // the entry stays as long as that

    bool armed() const { return rearm_at == absl::InfiniteFuture() && !disarming; }
  };

  void Run();
  void OnAlarms(const std::set<uint32_t>& generations) ABSL_LOCKS_EXCLUDED(mutex_);
  void Charge(Entry* entry, absl::Time now);
  absl::Duration Left(const Entry& entry, absl::Time now) const;
  void SetAlarm(Entry* entry, absl::Time now);
  // Those that are over their budget are taken off, the others get a new alarm.
  void Check(const std::vector<Entry*>& alarmed, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DisarmQueued() ABSL_LOCKS_EXCLUDED(mutex_);
  void Throttle(Entry* entry, absl::Time off);
  void Rearm(Entry* entry, absl::Time now);
  // Puts back what is due; returns when to look again.
  absl::Time Tend() ABSL_LOCKS_EXCLUDED(mutex_);

  Attacher* const attacher_;
  const std::function<absl::Time()> now_;

  Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::weak_ptr<TimeBudget>> targets_ ABSL_GUARDED_BY(mutex_);

  std::deque<Entry*> to_disarm_ ABSL_GUARDED_BY(mutex_);  // disarming

  std::vector<std::thread> disarming_threads_;
  std::thread thread_;  // last: starts when everything above exists
};

}  // namespace dlog::daemon
