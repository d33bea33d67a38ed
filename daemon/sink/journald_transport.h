// SPDX-License-Identifier: Apache-2.0
//
// Events to systemd-journald by its native protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL): one datagram per
// event, or a sealed memory file when the event is larger than a datagram may be.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "daemon/sink/peer.h"
#include "daemon/sink/queued_sink.h"
#include "symbolizer/base/unique_fd.h"

namespace dlog::sink {

// MESSAGE, PRIORITY, SYSLOG_IDENTIFIER (the program that was logged), CODE_*, OBJECT_PID, and DLOG_*.
std::string JournalEntry(const event::Event& event);

// Waits for a journald that is not there; then the queue fills. Dropped reasons: "shutdown", "write_error" (too large
// even for a memory file). Delivered means that journald's socket has it.
class JournaldTransport : public Transport {
 public:
  explicit JournaldTransport(std::string socket_path) : path_(std::move(socket_path)) {}
  void Deliver(const std::vector<EventPtr>& batch, const StopSignal& stop, SinkCounters* outcome) override;

 private:
  enum class Result { kDone, kAgain, kFailed };
  Result SendOnce(const std::string& entry, const StopSignal& stop);
  Result SendAsFile(const std::string& entry, const StopSignal& stop);

  const std::string path_;
  UniqueFd fd_;
  Backoff backoff_{absl::Seconds(5)};
};

}  // namespace dlog::sink
