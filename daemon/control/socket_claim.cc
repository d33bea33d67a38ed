// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/socket_claim.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "symbolizer/base/status_hint.h"

namespace dlog::daemon {
namespace {

absl::Status Taken(const std::string& path) {
  return WithHint(absl::AlreadyExistsError(fmt::format("another dlogd listens on {}", path)),
                  "stop it first, or give this one a socket of its own with --socket PATH");
}

// Whether somebody accepts connections there.
bool Alive(const std::string& path) {
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, path.data(), path.size());
  // EAGAIN: its backlog is full, so it lives.
  return connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 || errno == EAGAIN;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SocketClaim>> SocketClaim::Create(const std::string& path) {
  if (path.empty() || path.front() != '/' || path.size() >= sizeof(sockaddr_un::sun_path)) {
    return WithHint(
        absl::InvalidArgumentError(fmt::format("'{}' cannot be the path of a socket", path)),
        fmt::format("--socket takes an absolute path of at most {} bytes", sizeof(sockaddr_un::sun_path) - 1));
  }
  const std::string directory = path.substr(0, std::max<size_t>(path.rfind('/'), 1));
  if (mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST) {
    return WithHint(absl::ErrnoToStatus(errno, fmt::format("cannot create {}", directory)),
                    "run as root, or choose a directory that exists with --socket PATH");
  }
  const std::string lock_path = path + ".lock";
  UniqueFd lock(open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock.valid()) {
    return WithHint(absl::ErrnoToStatus(errno, fmt::format("cannot create {}", lock_path)),
                    "run as root, or choose a writable directory with --socket PATH");
  }
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) return Taken(path);
  struct stat info;
  if (lstat(path.c_str(), &info) == 0) {
    if (!S_ISSOCK(info.st_mode)) {
      return WithHint(absl::AlreadyExistsError(fmt::format("{} exists and is not a socket", path)),
                      "remove it, or choose another path with --socket PATH");
    }
    if (Alive(path)) return Taken(path);
    unlink(path.c_str());
  }
  return std::unique_ptr<SocketClaim>(new SocketClaim(path, std::move(lock)));
}

SocketClaim::~SocketClaim() {
  unlink(path_.c_str());
  unlink((path_ + ".lock").c_str());
}

}  // namespace dlog::daemon
