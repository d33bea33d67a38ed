// SPDX-License-Identifier: Apache-2.0
//
// Hands files to a worker that may not open any itself (symbolizer/sandbox/protocol.h). A name "debuginfod:BUILD-ID" is
// fetched: the worker has no network, and a server is told nothing but the build-id.
#pragma once

#include "absl/status/statusor.h"
#include "daemon/symbolizer_client/debuginfod.h"
#include "daemon/symbolizer_client/file_policy.h"
#include "symbolizer/base/unique_fd.h"

namespace dlog::daemon {

// Thread-compatible.
class FileBroker {
 public:
  static absl::StatusOr<FileBroker> Create(FilePolicy policy, Debuginfod debuginfod);

  int our_end() const { return ours_.get(); }
  int worker_end() const { return workers_.get(); }
  // Answers one question that lies on our_end(). False when the worker is gone or breaks the protocol. Bounds: a worker
  // gets at most kMostFiles answers.
  bool ServeOne();

  static constexpr int kMostFiles = 1 << 16;
  // Questions passed on to servers: a target has a few files without debug information, not many.
  static constexpr int kMostFetches = 32;

 private:
  FileBroker(FilePolicy policy, Debuginfod debuginfod, UniqueFd ours, UniqueFd workers)
      : policy_(std::move(policy)), debuginfod_(debuginfod), ours_(std::move(ours)), workers_(std::move(workers)) {}

  UniqueFd Open(const std::string& path, int* error);

  FilePolicy policy_;
  Debuginfod debuginfod_;
  UniqueFd ours_;
  UniqueFd workers_;
  int answered_ = 0;
  int fetched_ = 0;
};

}  // namespace dlog::daemon
