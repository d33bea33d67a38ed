// SPDX-License-Identifier: Apache-2.0
//
// Who changed what and when: one JSON object a line for every logpoint that is added, removed, paused or resumed, and
// for every attempt.
//   {"time":"...","action":"add","peer":"unix","uid":0,"pid":4711,"ids":["lp-3"],"outcome":"ok","target":"pid 29928",
//    "location":"order.cc:24","text":"order {o.id}","condition":"o.total > 5"}
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "control.pb.h"
#include "daemon/base/mutex.h"
#include "daemon/control/unix_acceptor.h"
#include "daemon/format/json_writer.h"
#include "logpoint.pb.h"

namespace dlog::daemon {

struct AuditEntry {
  std::string action;                    // "add", "remove", "pause", "resume"
  std::string peer;                      // "unix", or a network address
  std::string certificate;               // the common name of a network peer's
  std::optional<PeerIdentity> identity;  // of a unix peer
  std::vector<std::string> ids;          // asked for; of `add` the one that was given
  bool all = false;                      // every logpoint was asked for
  const v1::LogpointSpec* spec = nullptr;
  absl::Status outcome;
};

v1::AuditRecord ToRecord(const AuditEntry& entry, int64_t time_unix_ns);
// The keys and values of an object that has been begun.
void WriteAuditRecord(const v1::AuditRecord& record, format::JsonWriter* json);
// Without a line break.
std::string AuditLine(const v1::AuditRecord& record);

// Thread-safe.
class AuditLog {
 public:
  // How many of the newest records are at hand.
  static constexpr size_t kKept = 1000;

  // Appends to `path`, which is made with mode 0600, and takes up the newest of the records there; empty: to standard
  // error, behind "dlogd: audit: ".
  static absl::StatusOr<std::unique_ptr<AuditLog>> Create(const std::string& path);
  // A line that cannot be written goes to standard error instead, with the reason. A file that was moved away since the
  // last record (logrotate) is made anew.
  void Record(const AuditEntry& entry) ABSL_LOCKS_EXCLUDED(mutex_);
  // The newest `count`, the oldest of them first.
  std::vector<v1::AuditRecord> Last(size_t count) const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  explicit AuditLog(std::string path) : path_(std::move(path)) {}
  void Keep(v1::AuditRecord record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string path_;
  mutable Mutex mutex_;  // a line is written whole
  std::deque<v1::AuditRecord> kept_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dlog::daemon
