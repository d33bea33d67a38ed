// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/unix_acceptor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grpcpp/server_posix.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <string_view>
#include <utility>

#include "symbolizer/base/status_hint.h"

namespace dlog::daemon {
namespace {

constexpr int kBacklog = 1024;
constexpr std::string_view kPrefix = "fd:";  // how gRPC names a connection that it was given as a descriptor

absl::Status CannotListen(const std::string& path, int error) {
  return WithHint(absl::ErrnoToStatus(error, fmt::format("cannot listen on {}", path)),
                  "its directory must exist and be writable; choose another with --socket PATH");
}

}  // namespace

absl::StatusOr<std::unique_ptr<UnixAcceptor>> UnixAcceptor::Listen(const std::string& path) {
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  UniqueFd stop(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!socket.valid() || !stop.valid()) return CannotListen(path, errno);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return CannotListen(path, ENAMETOOLONG);
  memcpy(address.sun_path, path.data(), path.size());
  const mode_t before = umask(0177);  // the socket never exists with wider rights
  const int bound = bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address));
  const int error = errno;
  umask(before);
  if (bound != 0) return CannotListen(path, error);
  if (listen(socket.get(), kBacklog) != 0) return CannotListen(path, errno);
  return std::unique_ptr<UnixAcceptor>(new UnixAcceptor(std::move(socket), std::move(stop)));
}

UnixAcceptor::~UnixAcceptor() { Stop(); }

void UnixAcceptor::Stop() {
  if (!thread_.joinable()) return;
  const uint64_t one = 1;
  (void)!write(stop_.get(), &one, sizeof(one));
  thread_.join();
}

void UnixAcceptor::Serve(grpc::Server* server) {
  thread_ = std::thread([this, server] { Loop(server); });
}

void UnixAcceptor::Loop(grpc::Server* server) {
  pollfd waits[] = {{socket_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
  while (poll(waits, 2, -1) >= 0 || errno == EINTR) {
    if (waits[1].revents != 0) return;
    if (waits[0].revents == 0) continue;
    const int connection = accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (connection < 0) {
      // Out of descriptors: the client waits in the backlog until some are closed.
      if (errno == EMFILE || errno == ENFILE) std::this_thread::sleep_for(std::chrono::milliseconds(50));
      continue;
    }
    ucred credentials = {};
    socklen_t size = sizeof(credentials);
    if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
      close(connection);
      continue;
    }
    {
      MutexLock lock(&mutex_);
      peers_[connection] = {credentials.uid, credentials.pid};
    }
    grpc::AddInsecureChannelFromFd(server, connection);  // owns it from here
  }
}

std::optional<PeerIdentity> UnixAcceptor::Find(const std::string& peer) const {
  if (!peer.starts_with(kPrefix)) return std::nullopt;
  int descriptor = -1;
  std::from_chars(peer.data() + kPrefix.size(), peer.data() + peer.size(), descriptor);
  MutexLock lock(&mutex_);
  const auto found = peers_.find(descriptor);
  return found == peers_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace dlog::daemon
