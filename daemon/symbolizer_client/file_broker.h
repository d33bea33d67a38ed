// SPDX-License-Identifier: Apache-2.0
//
// Hands files to a worker that may not open any itself (symbolizer/sandbox/protocol.h).
#pragma once

#include "absl/status/statusor.h"
#include "daemon/symbolizer_client/file_policy.h"
#include "symbolizer/base/unique_fd.h"

namespace dlog::daemon {

// Thread-compatible.
class FileBroker {
 public:
  static absl::StatusOr<FileBroker> Create(FilePolicy policy);

  int our_end() const { return ours_.get(); }
  int worker_end() const { return workers_.get(); }
  // Answers one question that lies on our_end(). False when the worker is gone or breaks the protocol. Bounds: a worker
  // gets at most kMostFiles answers.
  bool ServeOne();

  static constexpr int kMostFiles = 1 << 16;

 private:
  FileBroker(FilePolicy policy, UniqueFd ours, UniqueFd workers)
      : policy_(std::move(policy)), ours_(std::move(ours)), workers_(std::move(workers)) {}

  FilePolicy policy_;
  UniqueFd ours_;
  UniqueFd workers_;
  int answered_ = 0;
};

}  // namespace dlog::daemon
