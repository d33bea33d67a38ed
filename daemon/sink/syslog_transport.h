// SPDX-License-Identifier: Apache-2.0
//
// Events as RFC 5424 messages: datagrams to a unix socket, a TCP connection with octet counting (RFC 6587, 3.4.1), or
// the same over TLS (RFC 5425). The program that was logged is APP-NAME and PROCID, the logpoint is MSGID; place and
// tags are structured data.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/sink/peer.h"
#include "daemon/sink/queued_sink.h"
#include "daemon/tls/stream.h"
#include "symbolizer/base/unique_fd.h"

namespace dlog::sink {

inline constexpr size_t kMaxSyslogBytes = 8192;  // of one message; what is longer is cut and ends in "..."

// One message without framing. `facility` as in RFC 5424, 6.2.1 (1 = user).
std::string SyslogMessage(const event::Event& event, int facility);

// "user" -> 1, "local7" -> 23.
int SyslogFacility(const std::string& name);

struct SyslogOptions {
  std::string unix_path;          // or
  std::string tcp;                // "HOST:PORT"
  std::optional<tls::Files> tls;  // of the TCP connection; without `ca` the authorities of this machine
  int facility = 1;
};

// Waits for a peer that is not there; then the queue fills. Dropped reasons: "shutdown". Why TLS cannot
// be set up is told on standard error, once for each reason. TCP has no answers: what was
// written before the peer vanished may be lost without anybody knowing, and the message that found it out is sent
// again.
class SyslogTransport : public Transport {
 public:
  explicit SyslogTransport(SyslogOptions options) : options_(std::move(options)) {}
  void Deliver(const std::vector<EventPtr>& batch, const StopSignal& stop, SinkCounters* outcome) override;

 private:
  bool Send(const std::string& message, const StopSignal& stop);
  bool Connected() const { return fd_.valid() || tls_ != nullptr; }
  void Connect(const StopSignal& stop);
  void Disconnect();
  bool SendAll(const std::string& message, const StopSignal& stop);
  bool PeerHasLeft() const;

  const SyslogOptions options_;
  UniqueFd fd_;                       // without TLS
  std::unique_ptr<tls::Stream> tls_;  // with it
  std::string tls_problem_;           // that was told last
  Backoff backoff_{absl::Seconds(5)};
};

}  // namespace dlog::sink
