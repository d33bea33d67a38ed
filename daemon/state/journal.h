// SPDX-License-Identifier: Apache-2.0
//
// Logpoints on disk: a journal of checksummed entries in the state directory, rewritten as a whole when it is opened.
//
//   file  = "dlogstate1\n" entry*
//   entry = length (u32, little-endian) CRC-32 of the payload (u32) payload (v1::StateEntry)
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "state.pb.h"
#include "symbolizer/base/unique_fd.h"

namespace dlog::daemon {

struct SavedState {
  std::vector<v1::SavedLogpoint> logpoints;  // in the order of their first entry
  uint64_t last_id = 0;
};

// Thread-compatible: the owner thread.
class Journal {
 public:
  // Reads what is there and starts a fresh file with it. A file that is damaged anywhere is renamed to
  // "logpoints.damaged-TIME" and told in `problem`; what stands before the damage is used. Errors: the directory cannot
  // be written, or another process has the journal.
  static absl::StatusOr<std::unique_ptr<Journal>> Open(const std::string& directory, SavedState* state,
                                                       std::string* problem);

  // On disk when it returns. After an error the file is as before, or is cut back to that at the next try. Now and then
  // the file is made anew without what is outdated.
  absl::Status Append(const std::vector<v1::StateEntry>& entries);

 private:
  Journal(std::string path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  absl::Status Rewrite(const SavedState& state);

  const std::string path_;
  UniqueFd lock_;
  UniqueFd fd_;
  int64_t size_ = 0;
  int64_t compact_at_ = 0;
};

// The entries of `bytes`, up to the first that is damaged; false when there is one.
bool ReadJournal(const std::string& bytes, SavedState* state);
std::string EncodeEntry(const v1::StateEntry& entry);

inline constexpr char kJournalMagic[] = "dlogstate1\n";
inline constexpr size_t kMaxJournalBytes = size_t{1} << 30;
inline constexpr int64_t kMinCompactBytes = 4 << 20;
inline constexpr size_t kMaxEntryBytes = 64 << 20;

}  // namespace dlog::daemon
