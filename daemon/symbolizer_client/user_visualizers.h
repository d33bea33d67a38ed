// SPDX-License-Identifier: Apache-2.0
//
// The user's own visualizers: read from a directory by this process and handed to the worker, which sees no files.
#pragma once

#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "plan.pb.h"

namespace dlog::daemon {

inline constexpr char kDefaultVisualizerDirectory[] = "/etc/dlog/visualizers";

// The *.txtpb files of `directory`, in the order of their names; none when it is empty. The default directory need not
// exist. InvalidArgument "FILE:LINE: why" for what is wrong in a file, other codes for what cannot be read.
absl::StatusOr<std::vector<v1::VisualizerFile>> ReadVisualizers(const std::string& directory);

// Those in force. Thread-safe.
class UserVisualizers {
 public:
  void Set(std::vector<v1::VisualizerFile> files);
  // Puts them into the request.
  void AddTo(v1::SymbolizerRequest* request) const;
  size_t count() const;

 private:
  mutable absl::Mutex mutex_;
  std::vector<v1::VisualizerFile> files_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dlog::daemon
