// SPDX-License-Identifier: Apache-2.0
//
// Events as lines of a file, with rotation. The file holds whole lines only: a write that the disk cuts short is cut
// back to the last whole line.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/sink/disk_flusher.h"
#include "daemon/sink/queued_sink.h"
#include "symbolizer/base/unique_fd.h"

namespace dlog::sink {

enum class Fsync { kNever, kInterval, kAlways };

struct FileOptions {
  std::string path;
  uint64_t rotate_bytes = 0;  // 0: never
  absl::Duration rotate_age;  // 0: never
  uint64_t keep = 5;          // rotated files that stay: path.1 (the newest) ... path.keep
  // kInterval: about once a second, as far as the disk keeps up, and beside the writing; kAlways: before an event
  // counts as delivered.
  Fsync fsync = Fsync::kInterval;
};

// Dropped reasons: "disk_full", "write_error", "open_error". Each batch tries again, so it recovers by itself. A file
// that somebody else has moved or removed is opened anew within a second or so.
class FileTransport : public Transport {
 public:
  // Opens the file, so that a wrong path is told at once. Not regular: InvalidArgument.
  static absl::StatusOr<std::unique_ptr<FileTransport>> Create(FileOptions options, LineFormat format);
  ~FileTransport() override;

  void Deliver(const std::vector<EventPtr>& batch, const StopSignal& stop, SinkCounters* outcome) override;
  void Idle() override;

 private:
  FileTransport(FileOptions options, LineFormat format) : options_(std::move(options)), format_(std::move(format)) {}

  absl::Status Open();
  absl::Status Rotate();
  bool WantsRotation(size_t more) const;
  void Sync();
  // Syncs and closes beside the writing what is written to no more.
  void HandOver(UniqueFd file, bool sync);
  // Writes lines [first, last) of text_ and counts them.
  void WriteLines(size_t first, size_t last, SinkCounters* outcome);
  // Where line `index` begins in text_.
  size_t Begin(size_t index) const { return index == 0 ? 0 : ends_[index - 1]; }
  bool MovedAway() const;

  const FileOptions options_;
  const LineFormat format_;
  UniqueFd fd_;
  event::Text text_;          // the lines of one Deliver
  std::vector<size_t> ends_;  // of each line in text_
  uint64_t size_ = 0;
  absl::Time born_;
  bool dirty_ = false;  // written to since the last fsync
  DiskFlusher flusher_;
};

}  // namespace dlog::sink
