// SPDX-License-Identifier: Apache-2.0
#include "daemon/sink/syslog_transport.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <string_view>

#include "absl/time/time.h"
#include "daemon/format/text_escape.h"

namespace dlog::sink {
namespace {

constexpr absl::Duration kConnectTimeout = absl::Seconds(5);
constexpr absl::Duration kSendTimeout = absl::Seconds(10);

// RFC 5424, 6.2.1.
int SeverityOf(v1::Level level) {
  switch (level) {
    case v1::LEVEL_DEBUG:
      return 7;
    case v1::LEVEL_WARN:
      return 4;
    case v1::LEVEL_ERROR:
      return 3;
    default:
      return 6;
  }
}

// A header field: printable ASCII without spaces, "-" when empty.
std::string HeaderField(std::string_view text, size_t longest) {
  std::string out;
  for (const char c : text.substr(0, longest)) out += c > 0x20 && c < 0x7f ? c : '_';
  return out.empty() ? "-" : out;
}

// RFC 5424, 6.3.3: the value of a parameter.
void AppendParameter(const char* name, std::string_view value, std::string* out) {
  *out += fmt::format(" {}=\"", name);
  for (const char c : value) {
    if (c == '"' || c == '\\' || c == ']') *out += '\\';
    *out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  }
  *out += '"';
}

}  // namespace

int SyslogFacility(const std::string& name) {
  if (name == "daemon") return 3;
  constexpr std::string_view kLocal = "local";
  int number = 0;
  if (name.compare(0, kLocal.size(), kLocal) == 0 &&
      std::from_chars(name.data() + kLocal.size(), name.data() + name.size(), number).ec == std::errc()) {
    return 16 + number;
  }
  return 1;
}

std::string SyslogMessage(const event::Event& event, int facility) {
  const std::string time =
      absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", absl::FromUnixNanos(event.time_unix_ns), absl::UTCTimeZone());
  std::string out = fmt::format("<{}>1 {} {} {} {} {} [dlog@32473", facility * 8 + SeverityOf(event.source->level),
                                time, HeaderField(event.source->host, 255), HeaderField(event.comm, 48),
                                HeaderField(std::to_string(event.pid), 128), HeaderField(event.logpoint(), 32));
  constexpr size_t kMaxParameter = 512;
  AppendParameter("file", CutUtf8(std::string(event.source->file), kMaxParameter), &out);
  AppendParameter("line", std::to_string(event.source->line), &out);
  AppendParameter("function", CutUtf8(std::string(event.source->function), kMaxParameter), &out);
  AppendParameter("exe", CutUtf8(std::string(event.exe), kMaxParameter), &out);
  AppendParameter("tid", std::to_string(event.tid), &out);
  for (const std::string_view tag : event.source->tags) AppendParameter("tag", tag, &out);
  out += "] ";
  // Receivers write lines, and a target must not be able to add one of its own.
  format::AppendOneLine(event.message, &out);
  if (out.size() <= kMaxSyslogBytes) return out;
  constexpr std::string_view kCut = "...";
  return CutUtf8(std::move(out), kMaxSyslogBytes - kCut.size()).append(kCut);
}

void SyslogTransport::Deliver(const std::vector<EventPtr>& batch, const StopSignal& stop, SinkCounters* outcome) {
  for (const EventPtr& event : batch) {
    std::string message = SyslogMessage(*event, options_.facility);
    if (!options_.tcp.empty()) message = fmt::format("{} {}", message.size(), message);
    if (Send(message, stop)) {
      ++outcome->events;
    } else {
      ++outcome->dropped["shutdown"];
    }
  }
}

bool SyslogTransport::Send(const std::string& message, const StopSignal& stop) {
  while (!stop.PastDeadline()) {
    if (Connected() && PeerHasLeft()) Disconnect();
    if (!Connected()) Connect(stop);
    if (Connected() && SendAll(message, stop)) {
      backoff_.Reset();
      return true;
    }
    Disconnect();
    (void)stop.Wait(backoff_.Next());
  }
  return false;
}

void SyslogTransport::Connect(const StopSignal& stop) {
  auto fd =
      options_.tcp.empty() ? ConnectDatagram(options_.unix_path) : ConnectTcp(options_.tcp, kConnectTimeout, stop);
  if (!fd.ok()) return;
  if (!options_.tls.has_value()) {
    fd_ = *std::move(fd);
    return;
  }
  const auto wait = [&stop](int socket, int16_t events) { return WaitReady(socket, events, kConnectTimeout, stop); };
  auto stream = tls::Stream::Connect(*std::move(fd), *options_.tls, HostOf(options_.tcp), wait);
  if (stream.ok()) {
    tls_ = *std::move(stream);
    tls_problem_.clear();
  } else if (tls_problem_ != stream.status().message()) {
    tls_problem_ = std::string(stream.status().message());
    fmt::print(stderr, "dlogd: no TLS connection to syslog at {}: {}\n", options_.tcp, tls_problem_);
  }
}

void SyslogTransport::Disconnect() {
  fd_.Reset();
  tls_.reset();
}

// A peer that has closed its end takes bytes and drops them; only reading tells.
bool SyslogTransport::PeerHasLeft() const {
  if (tls_ != nullptr) return !tls_->Listen().ok();
  if (options_.tcp.empty()) return false;
  char byte = 0;
  const ssize_t got = recv(fd_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

bool SyslogTransport::SendAll(const std::string& message, const StopSignal& stop) {
  if (tls_ != nullptr) {
    const auto wait = [&stop](int socket, int16_t events) { return WaitReady(socket, events, kSendTimeout, stop); };
    return tls_->Write(message, wait).ok();
  }
  size_t done = 0;
  while (done < message.size()) {
    const ssize_t sent = send(fd_.get(), message.data() + done, message.size() - done, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      done += static_cast<size_t>(sent);
    } else if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)) {
      if (!WaitReady(fd_.get(), POLLOUT, kSendTimeout, stop)) return false;
    } else if (sent == 0 || errno != EINTR) {
      return false;
    }
  }
  return true;
}

}  // namespace dlog::sink
