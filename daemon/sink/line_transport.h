// SPDX-License-Identifier: Apache-2.0
//
// Events as lines on a file descriptor: standard output.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "daemon/sink/queued_sink.h"

namespace dlog::sink {

// Dropped reasons: "write_error" (the reader is gone), "shutdown" (not written when the sink had to end).
class LineTransport : public Transport {
 public:
  // `fd` stays the caller's and must outlive the transport. SIGPIPE must be ignored by the process.
  LineTransport(int fd, LineFormat format) : fd_(fd), format_(std::move(format)) {}
  void Deliver(const std::vector<EventPtr>& batch, const StopSignal& stop, SinkCounters* outcome) override;

 private:
  enum class Result { kDone, kFailed, kStopped };
  Result Write(std::string_view lines, const StopSignal& stop) const;

  const int fd_;
  const LineFormat format_;
  event::Text text_;
};

}  // namespace dlog::sink
