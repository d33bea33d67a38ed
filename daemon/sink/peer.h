// SPDX-License-Identifier: Apache-2.0
//
// Socket connections of sinks, which wait for their peers as long as the sink lives, but not longer.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/sink/queued_sink.h"
#include "symbolizer/base/unique_fd.h"

namespace dlog::sink {

// A non-blocking datagram socket that is connected to the socket at `path`.
absl::StatusOr<UniqueFd> ConnectDatagram(const std::string& path);

// The host of "HOST:PORT" or "[HOST]:PORT".
std::string HostOf(const std::string& host_port);

// A non-blocking TCP connection to "HOST:PORT" or "[HOST]:PORT", tried for at most `timeout`.
absl::StatusOr<UniqueFd> ConnectTcp(const std::string& host_port, absl::Duration timeout, const StopSignal& stop);

// Waits until `fd` is ready for `events` of poll(2). False when `stop` is past its deadline or the wait has lasted
// `timeout`.
bool WaitReady(int fd, int16_t events, absl::Duration timeout, const StopSignal& stop);

// How long to wait before the next try: doubles from 100 ms to `longest`, with up to a fifth taken off at random, so
// that many nodes do not come back at one moment.
class Backoff {
 public:
  explicit Backoff(absl::Duration longest) : longest_(longest) {}
  absl::Duration Next();
  void Reset() { next_ = kFirst; }

 private:
  static constexpr absl::Duration kFirst = absl::Milliseconds(100);
  const absl::Duration longest_;
  absl::Duration next_ = kFirst;
};

// `text` cut to at most `bytes`, not inside of a UTF-8 sequence.
std::string CutUtf8(std::string text, size_t bytes);

}  // namespace dlog::sink
