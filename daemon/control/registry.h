// SPDX-License-Identifier: Apache-2.0
//
// Which logpoints exist, and which of them a record of the ring belongs to.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/base/mutex.h"
#include "daemon/control/logpoint.h"

namespace dlog::daemon {

struct RecordOwner {
  std::shared_ptr<Logpoint> logpoint;  // null: a record of a logpoint that has ended
  size_t site = 0;                     // position in the context's sites
};

// Changes: owner thread. Lookups: any thread.
class Registry {
 public:
  // Between the two, records may come from sites that are not registered yet; OwnerOf waits for them.
  void BeginAttach() ABSL_LOCKS_EXCLUDED(mutex_);
  void EndAttach() ABSL_LOCKS_EXCLUDED(mutex_);

  // `sites[i]` is the site table index of the logpoint's i-th site. An earlier logpoint of this id, whose sites were
  // forgotten, is replaced.
  void Insert(const std::shared_ptr<Logpoint>& logpoint, const std::vector<uint32_t>& sites, uint32_t generation)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // No record finds it any more; it stays listed.
  void ForgetSites(const std::string& id) ABSL_LOCKS_EXCLUDED(mutex_);
  void Erase(const std::string& id) ABSL_LOCKS_EXCLUDED(mutex_);

  // Changes with every Insert and ForgetSites: until then OwnerOf says the same. Any thread.
  uint64_t version() const { return version_.load(std::memory_order_acquire); }
  RecordOwner OwnerOf(uint32_t site, uint32_t generation) const ABSL_LOCKS_EXCLUDED(mutex_);
  std::shared_ptr<Logpoint> Find(const std::string& id) const ABSL_LOCKS_EXCLUDED(mutex_);
  // The same; NotFound instead of null.
  absl::StatusOr<std::shared_ptr<Logpoint>> Get(const std::string& id) const ABSL_LOCKS_EXCLUDED(mutex_);
  // In the order of their creation.
  std::vector<std::shared_ptr<Logpoint>> All() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Entry {
    std::shared_ptr<Logpoint> logpoint;
    std::vector<uint32_t> sites;
  };
  struct Slot {
    uint32_t generation = 0;
    RecordOwner owner;
  };

  std::atomic<uint64_t> version_{0};
  mutable Mutex mutex_;
  bool attaching_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<std::string, Entry> by_id_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> order_ ABSL_GUARDED_BY(mutex_);
  std::vector<Slot> slots_ ABSL_GUARDED_BY(mutex_);  // by site table index
};

}  // namespace dlog::daemon
