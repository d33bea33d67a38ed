// SPDX-License-Identifier: Apache-2.0
//
// Who the worker is, and the one directory that belongs to it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "symbolizer/base/unique_fd.h"

namespace dlog::daemon {

struct WorkerAccount {
  uid_t uid = 0;
  gid_t gid = 0;
};

// The user "dlog-symbolizer", or 65534 when there is none. None when this process is not root and cannot choose.
std::optional<WorkerAccount> FindWorkerAccount();

// A directory that only the worker's user can write. Thread-compatible.
class ScratchDirectory {
 public:
  // `cache`/worker, made and given to `account` when missing; without a usable cache directory, a new directory in
  // /var/tmp that is removed on destruction. A directory that belongs to somebody else is not used.
  static absl::StatusOr<ScratchDirectory> Open(const std::string& cache, const std::optional<WorkerAccount>& account);
  ScratchDirectory(ScratchDirectory&& other) noexcept = default;
  ScratchDirectory& operator=(ScratchDirectory&&) = delete;
  ~ScratchDirectory();

  int fd() const { return fd_.get(); }
  // False for the temporary one.
  bool is_cache() const { return temporary_.empty(); }

 private:
  ScratchDirectory() = default;
  UniqueFd fd_;
  std::string temporary_;  // path to remove; empty = none
};

}  // namespace dlog::daemon
