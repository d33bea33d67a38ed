// SPDX-License-Identifier: Apache-2.0
#include "daemon/sink/line_transport.h"

#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace dlog::sink {
namespace {

// Rechecks the deadline of a shutdown this often while the descriptor takes nothing.
constexpr int kPollMs = 50;

}  // namespace

void LineTransport::Deliver(const std::vector<EventPtr>& batch, const StopSignal& stop, SinkCounters* outcome) {
  // As many lines as one write takes.
  for (size_t next = 0; next < batch.size();) {
    text_.clear();
    size_t lines = 0;
    size_t bytes = 0;
    while (next + lines < batch.size()) {
      format_(*batch[next + lines], &text_);
      text_.push_back('\n');
      if (lines != 0 && text_.size() > PIPE_BUF) break;  // goes with the next write
      ++lines;
      bytes = text_.size();
    }
    switch (Write(text_.view().substr(0, bytes), stop)) {
      case Result::kDone:
        outcome->events += lines;
        break;
      case Result::kFailed:
        outcome->dropped["write_error"] += lines;
        break;
      case Result::kStopped:
        outcome->dropped["shutdown"] += lines;
        break;
    }
    next += lines;
  }
}

// Pieces of at most PIPE_BUF, each after poll(2) saw room for it: the descriptor is shared (standard output), so it
// must not be made non-blocking, and a write that blocks for good would keep the daemon from ending.
LineTransport::Result LineTransport::Write(std::string_view lines, const StopSignal& stop) const {
  size_t done = 0;
  while (done < lines.size()) {
    pollfd fd{fd_, POLLOUT, 0};
    const int ready = poll(&fd, 1, kPollMs);
    if (ready == 0 || (ready < 0 && errno == EINTR)) {
      if (stop.PastDeadline()) return Result::kStopped;
      continue;
    }
    const ssize_t written = write(fd_, lines.data() + done, std::min<size_t>(lines.size() - done, PIPE_BUF));
    if (written < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (written <= 0) return Result::kFailed;
    done += static_cast<size_t>(written);
  }
  return Result::kDone;
}

}  // namespace dlog::sink
