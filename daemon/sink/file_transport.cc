// SPDX-License-Identifier: Apache-2.0
#include "daemon/sink/file_transport.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "absl/time/clock.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::sink {
namespace {

constexpr mode_t kMode = 0640;

absl::Time BirthOf(int fd) {
  struct statx info = {};
  if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &info) == 0 && (info.stx_mask & STATX_BTIME) != 0) {
    return absl::FromUnixSeconds(info.stx_btime.tv_sec);
  }
  return absl::Now();
}

bool IsFull(int error) { return error == ENOSPC || error == EDQUOT; }

}  // namespace

absl::StatusOr<std::unique_ptr<FileTransport>> FileTransport::Create(FileOptions options, LineFormat format) {
  std::unique_ptr<FileTransport> transport(new FileTransport(std::move(options), std::move(format)));
  if (auto status = transport->Open(); !status.ok()) return status;
  return transport;
}

FileTransport::~FileTransport() {
  if (options_.fsync != Fsync::kNever) Sync();
}

absl::Status FileTransport::Open() {
  // Not blocking: a FIFO without a reader would hold the daemon's start.
  UniqueFd fd(open(options_.path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, kMode));
  struct stat info = {};
  if (!fd.valid() || fstat(fd.get(), &info) != 0) {
    const int error = errno;
    return WithHint(absl::ErrnoToStatus(error, options_.path), "its directory must exist and be writable for dlogd");
  }
  if (!S_ISREG(info.st_mode)) {
    return WithHint(absl::InvalidArgumentError(fmt::format("{} is not a regular file", options_.path)),
                    "a file sink writes and rotates files; for a terminal or a pipe use the stdout sink");
  }
  fd_ = std::move(fd);
  size_ = static_cast<uint64_t>(info.st_size);
  born_ = size_ == 0 ? absl::Now() : BirthOf(fd_.get());
  // A machine that went down in the middle of a line: the next event gets a line of its own.
  char last = '\n';
  if (size_ > 0 && pread(fd_.get(), &last, 1, info.st_size - 1) == 1 && last != '\n') {
    if (write(fd_.get(), "\n", 1) == 1) ++size_;
  }
  return absl::OkStatus();
}

bool FileTransport::WantsRotation(size_t more) const {
  if (size_ == 0) return false;
  if (options_.rotate_bytes != 0 && size_ + more > options_.rotate_bytes) return true;
  return options_.rotate_age > absl::ZeroDuration() && absl::Now() >= born_ + options_.rotate_age;
}

void FileTransport::HandOver(UniqueFd file, bool sync) {
  if (!file.valid() || flusher_.Post(&file, sync)) return;
  if (sync) (void)fdatasync(file.get());  // the disk is far behind: now the writing waits for it
}

absl::Status FileTransport::Rotate() {
  const auto name = [&](uint64_t n) { return n == 0 ? options_.path : fmt::format("{}.{}", options_.path, n); };
  // The file that goes is freed with its last descriptor.
  UniqueFd oldest(options_.keep == 0 ? -1 : open(name(options_.keep).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (options_.keep == 0) (void)unlink(options_.path.c_str());
  // Missing ones in between are no error.
  for (uint64_t n = options_.keep; n > 0; --n) (void)rename(name(n - 1).c_str(), name(n).c_str());
  HandOver(std::move(oldest), false);
  HandOver(std::move(fd_), options_.fsync != Fsync::kNever && options_.keep != 0 && dirty_);
  dirty_ = false;
  return Open();
}

void FileTransport::Sync() {
  if (dirty_ && fd_.valid()) (void)fdatasync(fd_.get());
  dirty_ = false;
}

void FileTransport::WriteLines(size_t first, size_t last, SinkCounters* outcome) {
  const size_t begin = Begin(first);
  const std::string_view text = text_.view().substr(begin, ends_[last - 1] - begin);
  size_t done = 0;
  int error = 0;
  while (done < text.size() && error == 0) {
    const ssize_t written = write(fd_.get(), text.data() + done, text.size() - done);
    if (written > 0) {
      done += static_cast<size_t>(written);
    } else if (written == 0 || errno != EINTR) {
      error = written == 0 ? EIO : errno;
    }
  }
  size_t whole = 0;
  while (first + whole < last && ends_[first + whole] - begin <= done) ++whole;
  size_t bytes = Begin(first + whole) - begin;
  if (bytes < done && ftruncate(fd_.get(), static_cast<off_t>(size_ + bytes)) != 0) {
    bytes = done;  // the torn line stays; Open() closes it when the file is opened again
    fd_.Reset();
  }
  size_ += bytes;
  dirty_ = true;
  if (error == 0 && options_.fsync == Fsync::kAlways && fdatasync(fd_.get()) != 0) {
    error = errno;
    whole = 0;  // written, but nobody knows whether they stay
  }
  outcome->events += whole;
  const size_t lost = last - first - whole;
  if (lost > 0) outcome->dropped[IsFull(error) ? "disk_full" : "write_error"] += lost;
}

void FileTransport::Deliver(const std::vector<EventPtr>& batch, const StopSignal&, SinkCounters* outcome) {
  text_.clear();
  ends_.clear();
  for (const EventPtr& event : batch) {
    format_(*event, &text_);
    text_.push_back('\n');
    ends_.push_back(text_.size());
  }
  size_t first = 0;
  while (first < ends_.size()) {
    absl::Status status = absl::OkStatus();
    if (!fd_.valid()) {
      status = Open();
    }
    if (status.ok() && WantsRotation(ends_[first] - Begin(first))) status = Rotate();
    if (!status.ok()) {
      const bool full = absl::IsResourceExhausted(status);
      outcome->dropped[full ? "disk_full" : "open_error"] += ends_.size() - first;
      return;
    }
    size_t last = first + 1;
    while (last < ends_.size() &&
           (options_.rotate_bytes == 0 || size_ + ends_[last] - Begin(first) <= options_.rotate_bytes)) {
      ++last;
    }
    WriteLines(first, last, outcome);
    first = last;
  }
}

bool FileTransport::MovedAway() const {
  struct stat there = {}, here = {};
  if (fstat(fd_.get(), &here) != 0) return true;
  if (stat(options_.path.c_str(), &there) != 0) return errno == ENOENT;
  return there.st_dev != here.st_dev || there.st_ino != here.st_ino;
}

void FileTransport::Idle() {
  if (!fd_.valid()) return;
  // While the disk is still busy with the last one there is no next one.
  if (options_.fsync == Fsync::kInterval && dirty_ && flusher_.idle()) {
    UniqueFd file(fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
    if (file.valid()) {
      HandOver(std::move(file), true);
      dirty_ = false;
    }
  }
  if (MovedAway()) fd_.Reset();
  // A file that gets no events is rotated by the next event, not by the clock: there are no empty files.
}

}  // namespace dlog::sink
