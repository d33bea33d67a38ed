// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "absl/time/time.h"

namespace dlog::daemon {

// Processor time that a logpoint may take from its target: a part of one core. What is not used within a second is
// lost, what is overdrawn is paid back. Not thread-safe.
class TimeBudget {
 public:
  // Begins full. `part` > 0, of one core.
  TimeBudget(double part, absl::Time now) : part_(part), left_(Most()), at_(now) {}

  double part() const { return part_; }
  // What a second is worth.
  absl::Duration Most() const { return part_ * absl::Seconds(1); }
  void Raise(double part) { part_ = std::max(part_, part); }

  void Spend(absl::Duration cost, absl::Time now) {
    left_ = Left(now) - cost;
    at_ = std::max(at_, now);
  }
  // Negative when overdrawn.
  absl::Duration Left(absl::Time now) const {
    return std::min(Most(), left_ + part_ * std::max(absl::ZeroDuration(), now - at_));
  }
  // When `wanted` (at most Most()) will be left if nothing is spent.
  absl::Time WhenLeft(absl::Duration wanted) const {
    return at_ + std::max(absl::ZeroDuration(), wanted - left_) / part_;
  }

 private:
  double part_;
  absl::Duration left_;
  absl::Time at_;
};

}  // namespace dlog::daemon
