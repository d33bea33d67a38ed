// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "symbolizer/base/unique_fd.h"

namespace dlog::daemon {

// The right to listen on a unix socket path: a lock file beside it, so that of two daemons that start at once one is
// refused, and nobody takes over the socket of a living one. The lock ends with the process, however it ends.
class SocketClaim {
 public:
  // Creates the directory when its parent exists, and removes the socket that a dead daemon left behind. AlreadyExists
  // when a living daemon has the path; InvalidArgument when it cannot be a socket's path.
  static absl::StatusOr<std::unique_ptr<SocketClaim>> Create(const std::string& path);
  // Removes the socket and the lock file.
  ~SocketClaim();

 private:
  SocketClaim(std::string path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}

  const std::string path_;
  UniqueFd lock_;
};

}  // namespace dlog::daemon
