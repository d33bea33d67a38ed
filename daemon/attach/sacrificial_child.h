// SPDX-License-Identifier: Apache-2.0
//
// A child process in which a probe may do harm.
#pragma once

#include <sys/types.h>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "symbolizer/base/unique_fd.h"

namespace dlog::attach {

// Killed by its id and reaped on destruction, whatever happened before.
class SacrificialChild {
 public:
  // `body(argument)` runs in a copy of this process, which may have had other threads: it may call async-signal-safe
  // functions only, and starts when Go() is called, after `prepare(argument)`. The child ends with 0 when body returns.
  using Step = void (*)(void* argument);
  static absl::StatusOr<SacrificialChild> Start(Step prepare, Step body, void* argument);

  SacrificialChild(SacrificialChild&& other) noexcept;
  SacrificialChild(const SacrificialChild&) = delete;
  SacrificialChild& operator=(const SacrificialChild&) = delete;
  SacrificialChild& operator=(SacrificialChild&&) = delete;
  ~SacrificialChild();

  pid_t pid() const { return pid_; }
  void Go() { go_.Reset(); }
  // The status of waitpid(); DeadlineExceeded when the child is still running then.
  absl::StatusOr<int> Wait(absl::Duration timeout);

 private:
  SacrificialChild() = default;

  pid_t pid_ = -1;
  UniqueFd go_;  // closing it starts the body
};

}  // namespace dlog::attach
