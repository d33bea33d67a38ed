// SPDX-License-Identifier: Apache-2.0
//
// Forces files to the disk on a thread of its own: a disk takes as long as it takes, and who writes events must not
// stand still meanwhile.
#pragma once

#include <cstddef>
#include <deque>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "daemon/base/mutex.h"
#include "symbolizer/base/unique_fd.h"

namespace dlog::sink {

// Thread-safe. The thread begins with the first file and ends, after the last one, with the destructor.
class DiskFlusher {
 public:
  DiskFlusher() = default;
  ~DiskFlusher();
  DiskFlusher(const DiskFlusher&) = delete;
  DiskFlusher& operator=(const DiskFlusher&) = delete;

  // fdatasync (when `sync`), then close; closing the last descriptor of a file without a name frees its blocks, which
  // takes its time too. False when kMostWaiting files wait already: then it is still the caller's.
  bool Post(UniqueFd* file, bool sync) ABSL_LOCKS_EXCLUDED(mutex_);
  bool idle() const ABSL_LOCKS_EXCLUDED(mutex_);

  static constexpr size_t kMostWaiting = 16;

 private:
  struct Job {
    UniqueFd file;
    bool sync = false;
  };
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || !jobs_.empty(); }

  mutable Mutex mutex_;
  std::deque<Job> jobs_ ABSL_GUARDED_BY(mutex_);
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // the poster's and the destructor's
};

}  // namespace dlog::sink
