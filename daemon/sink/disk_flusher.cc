// SPDX-License-Identifier: Apache-2.0
#include "daemon/sink/disk_flusher.h"

#include <unistd.h>

#include <utility>

namespace dlog::sink {

DiskFlusher::~DiskFlusher() {
  if (!thread_.joinable()) return;
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

bool DiskFlusher::Post(UniqueFd* file, bool sync) {
  MutexLock lock(&mutex_);
  if (jobs_.size() >= kMostWaiting) return false;
  jobs_.push_back({std::move(*file), sync});
  if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
  return true;
}

bool DiskFlusher::idle() const {
  MutexLock lock(&mutex_);
  return jobs_.empty() && !busy_;
}

void DiskFlusher::Run() {
  while (true) {
    Job job;
    {
      MutexLock lock(&mutex_);
      busy_ = false;
      mutex_.Await([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return HasWork(); });
      if (jobs_.empty()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
      busy_ = true;
    }
    if (job.sync) (void)fdatasync(job.file.get());
  }
}

}  // namespace dlog::sink
