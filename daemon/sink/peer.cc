// SPDX-License-Identifier: Apache-2.0
#include "daemon/sink/peer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "daemon/base/boot_time.h"

namespace dlog::sink {
namespace {

constexpr absl::Duration kLook = absl::Milliseconds(50);  // how often a wait looks whether the sink has to end

absl::StatusOr<UniqueFd> ConnectOne(const addrinfo& address, absl::Duration timeout, const StopSignal& stop) {
  UniqueFd fd(socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, address.ai_protocol));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, "socket");
  if (connect(fd.get(), address.ai_addr, address.ai_addrlen) == 0) return fd;
  if (errno != EINPROGRESS) return absl::ErrnoToStatus(errno, "connect");
  if (!WaitReady(fd.get(), POLLOUT, timeout, stop)) return absl::DeadlineExceededError("no answer");
  int error = 0;
  socklen_t size = sizeof(error);
  getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return absl::ErrnoToStatus(error, "connect");
  return fd;
}

}  // namespace

absl::StatusOr<UniqueFd> ConnectDatagram(const std::string& path) {
  sockaddr_un address = {};
  if (path.size() >= sizeof(address.sun_path)) return absl::InvalidArgumentError(fmt::format("{} is too long", path));
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, path.data(), path.size());
  UniqueFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid() || connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    return absl::ErrnoToStatus(errno, path);
  }
  return fd;
}

std::string HostOf(const std::string& host_port) {
  std::string host = host_port.substr(0, host_port.rfind(':'));
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  return host;
}

absl::StatusOr<UniqueFd> ConnectTcp(const std::string& host_port, absl::Duration timeout, const StopSignal& stop) {
  const size_t colon = host_port.rfind(':');
  if (colon == std::string::npos) return absl::InvalidArgumentError(fmt::format("'{}' has no port", host_port));
  const std::string host = HostOf(host_port);
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), host_port.substr(colon + 1).c_str(), &hints, &found);
  if (error != 0) return absl::UnavailableError(fmt::format("{}: {}", host_port, gai_strerror(error)));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> addresses(found, freeaddrinfo);
  absl::Status status = absl::UnavailableError("no address");
  for (const addrinfo* each = addresses.get(); each != nullptr; each = each->ai_next) {
    auto fd = ConnectOne(*each, timeout, stop);
    if (fd.ok()) return fd;
    status = fd.status();
  }
  return status;
}

bool WaitReady(int fd, int16_t events, absl::Duration timeout, const StopSignal& stop) {
  const absl::Time until = BootTime() + timeout;
  while (BootTime() < until && !stop.PastDeadline()) {
    pollfd poll_fd{fd, events, 0};
    if (poll(&poll_fd, 1, static_cast<int>(absl::ToInt64Milliseconds(kLook))) > 0) return true;
  }
  return false;
}

absl::Duration Backoff::Next() {
  const absl::Duration wait = next_;
  next_ = std::min(next_ * 2, longest_);
  constexpr int kParts = 1000;
  return wait * (1.0 - 0.2 * static_cast<double>(random() % kParts) / kParts);
}

std::string CutUtf8(std::string text, size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xc0) == 0x80) --bytes;
  text.resize(bytes);
  return text;
}

}  // namespace dlog::sink
