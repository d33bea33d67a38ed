// SPDX-License-Identifier: Apache-2.0
//
// Runs dlog-symbolizer for one request: spawn, feed, wait, kill. A crash, a time-out or an answer that does not parse
// is an error of that request and nothing more.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "plan.pb.h"

namespace dlog::daemon {

struct SymbolizerOptions {
  std::string worker_path;  // empty: dlog-symbolizer beside this executable
  int timeout_ms = 60000;
  uint64_t max_answer_bytes = 256 << 20;
  uint64_t address_space_bytes = 0;  // RLIMIT_AS set from outside; 0 = left to the worker's own sandbox
};

// Why a worker failed, for the `reason` label of dlog_symbolizer_failures_total: "spawn", "timeout", "crash",
// "garbage", "oversize". Empty when `status` is OK or an answer of the worker (the request was wrong, not the worker).
std::string SymbolizerFailureReason(const absl::Status& status);

// Thread-safe.
class SymbolizerClient {
 public:
  explicit SymbolizerClient(SymbolizerOptions options);
  // The file that would be run.
  const std::string& worker_path() const { return options_.worker_path; }
  // The worker's own errors come back with their code, message and hint. DeadlineExceeded when it was killed for time,
  // Internal when it crashed (signal or exit status in the message).
  absl::StatusOr<v1::SymbolizerResponse> Run(const v1::SymbolizerRequest& request) const;

 private:
  const SymbolizerOptions options_;
};

}  // namespace dlog::daemon
