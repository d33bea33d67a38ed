// SPDX-License-Identifier: Apache-2.0
//
// Runs one child process to its end: bytes in on its standard input, bytes out from its standard output and error.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace dlog::daemon {

struct ChildLimits {
  int timeout_ms = 60000;  // wall clock, from spawn to exit, without the time spent in ChildExtras::serve
  uint64_t max_output_bytes = 256 << 20;
  uint64_t address_space_bytes = 0;  // RLIMIT_AS of the child; 0 = not limited here
};

struct ChildResult {
  bool timed_out = false;        // killed because of timeout_ms
  bool output_overflow = false;  // killed because it wrote more than max_output_bytes
  int exit_status = 0;           // valid when neither of the above and signal == 0
  int signal = 0;                // the signal that ended it, 0 when it exited by itself
  std::string output;
  std::string error_text;  // the last kMaxErrorText bytes of its standard error
};

// What a child gets beyond its standard streams.
struct ChildExtras {
  std::vector<std::string> arguments;  // behind argv[0]
  std::vector<int> descriptors;        // duplicated as 3, 4, ...
  // A descriptor of ours to watch while the child runs; `serve` is called when it is readable and returns whether to go
  // on watching. -1 = none.
  int served_fd = -1;
  std::function<bool()> serve;
};

inline constexpr size_t kMaxErrorText = 4096;

// The child gets an empty environment, the three standard streams and no descriptor but those of `extras`. It is always
// reaped before this returns; a child that outlives its limits is killed. Its CPU time is limited to the timeout as
// well, so that it ends even when this process is killed meanwhile. Thread-safe. NotFound or PermissionDenied when it
// cannot be started.
absl::StatusOr<ChildResult> RunChild(const std::string& path, const std::string& input, const ChildLimits& limits,
                                     const ChildExtras& extras = {});

}  // namespace dlog::daemon
