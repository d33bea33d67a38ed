// SPDX-License-Identifier: Apache-2.0
//
// Runs dlog-symbolizer for one request: spawn, feed, hand in files, wait, kill. A crash, a time-out, a limit, a
// forbidden system call or an answer that does not parse is an error of that request and nothing more.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/symbolizer_client/child_process.h"
#include "daemon/symbolizer_client/debuginfod.h"
#include "plan.pb.h"

namespace dlog::daemon {

struct SymbolizerOptions {
  std::string worker_path;  // empty: dlog-symbolizer beside this executable
  // Searched for every request, behind those that its target names (--debug-dir).
  std::vector<std::string> debug_directories = {"/usr/lib/debug"};
  Debuginfod debuginfod;  // servers to ask for what is nowhere else; none by default
  int timeout_ms = 60000;
  uint64_t max_answer_bytes = 256 << 20;
  uint64_t address_space_bytes = 0;  // RLIMIT_AS from outside; 0 = the worker's own (symbolizer/sandbox/)
};

// Why a worker failed, for the `reason` label of dlog_symbolizer_failures_total: "spawn", "timeout", "crash",
// "limit" (memory, CPU time, file size), "sandbox" (a forbidden system call, or no sandbox to be had), "garbage",
// "oversize". Empty when `status` is OK or an answer of the worker (the request was wrong, not the worker).
std::string SymbolizerFailureReason(const absl::Status& status);

// Thread-safe.
class SymbolizerClient {
 public:
  explicit SymbolizerClient(SymbolizerOptions options);
  // The file that would be run.
  const std::string& worker_path() const { return options_.worker_path; }
  // What the worker's sandbox consists of on this machine, for people; an error when it cannot be entered.
  absl::StatusOr<std::string> DescribeSandbox() const;
  // The worker's own errors come back with their code, message and hint. DeadlineExceeded when it was killed for time,
  // Internal when it crashed (signal or exit status in the message) or did something forbidden, ResourceExhausted when
  // it was over a limit.
  absl::StatusOr<v1::SymbolizerResponse> Run(const v1::SymbolizerRequest& request) const;

 private:
  absl::StatusOr<ChildResult> RunWorker(const v1::SymbolizerRequest& request, bool check_only) const;

  const SymbolizerOptions options_;
};

}  // namespace dlog::daemon
