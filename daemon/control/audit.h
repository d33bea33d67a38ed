// SPDX-License-Identifier: Apache-2.0
//
// Who changed what and when: one JSON object a line for every logpoint that is added, removed, paused or resumed, and
// for every attempt.
//   {"time":"...","action":"add","peer":"unix","uid":0,"pid":4711,"ids":["lp-3"],"outcome":"ok","target":"pid 29928",
//    "location":"order.cc:24","text":"order {o.id}","condition":"o.total > 5"}
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "daemon/base/mutex.h"
#include "daemon/control/unix_acceptor.h"
#include "logpoint.pb.h"
#include "symbolizer/base/unique_fd.h"

namespace dlog::daemon {

struct AuditEntry {
  std::string action;                    // "add", "remove", "pause", "resume"
  std::string peer;                      // "unix", or a network address
  std::optional<PeerIdentity> identity;  // of a unix peer
  std::vector<std::string> ids;          // asked for; of `add` the one that was given
  bool all = false;                      // every logpoint was asked for
  const v1::LogpointSpec* spec = nullptr;
  absl::Status outcome;
};

// Without a line break.
std::string AuditLine(const AuditEntry& entry, int64_t time_unix_ns);

// Thread-safe.
class AuditLog {
 public:
  // Appends to `path`, which is made with mode 0600; empty: to standard error, behind "dlogd: audit: ".
  static absl::StatusOr<std::unique_ptr<AuditLog>> Create(const std::string& path);
  // A line that cannot be written goes to standard error instead, with the reason.
  void Record(const AuditEntry& entry) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  AuditLog(std::string path, UniqueFd file) : path_(std::move(path)), file_(std::move(file)) {}

  const std::string path_;
  Mutex mutex_;  // a line is written whole
  const UniqueFd file_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dlog::daemon
