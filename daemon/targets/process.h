// SPDX-License-Identifier: Apache-2.0
//
// What /proc tells about processes. Every answer is a snapshot: the process may be gone when it is used, which is why
// whoever attaches holds a ProcessHandle opened before the look at /proc.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "symbolizer/base/unique_fd.h"

namespace dlog::daemon {

struct ProcessStat {
  int32_t pid = 0;
  int32_t tgid = 0;  // differs from pid when the id names a thread
  std::string comm;
  char state = '?';  // as in proc(5): R, S, D, Z, X, ...; of `view`
  // Under this id /proc shows the process: its own, or that of a thread that lives on after the first one has ended.
  int32_t view = 0;
  uint64_t start_ticks = 0;   // clock ticks after boot: with the pid, identifies a process
  bool shadow_stack = false;  // x86_Thread_features has shstk
  bool ended() const { return state == 'Z' || state == 'X' || state == 'x'; }
};

// NotFound when there is no such process. `proc` is the mount point, "/proc" outside tests.
absl::StatusOr<ProcessStat> ReadProcessStat(const std::string& proc, int32_t pid);

// All process ids, ascending.
std::vector<int32_t> ListProcesses(const std::string& proc);

// One process, by pidfd: never confused by a reused pid.
class ProcessHandle {
 public:
  // NotFound when there is no such process, InvalidArgument when `pid` is a thread that is not the leader.
  static absl::StatusOr<ProcessHandle> Open(int32_t pid);
  ProcessHandle(ProcessHandle&&) noexcept = default;
  ProcessHandle& operator=(ProcessHandle&&) noexcept = default;

  // All its threads have ended (whether or not it has been reaped).
  bool exited() const;

 private:
  explicit ProcessHandle(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace dlog::daemon
