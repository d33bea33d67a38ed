// SPDX-License-Identifier: Apache-2.0
//
// The clock of everything that waits or takes time. absl::Now() is the time of day, which someone may set: a deadline
// made of it comes at once or an hour late. That one is for times that a user reads.
#pragma once

#include <time.h>

#include "absl/time/time.h"

namespace dlog {

// CLOCK_BOOTTIME: never set, and goes on while the machine sleeps. Compared with itself only.
inline absl::Time BootTime() {
  timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return absl::TimeFromTimespec(now);
}

}  // namespace dlog
