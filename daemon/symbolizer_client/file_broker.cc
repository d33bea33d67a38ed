// SPDX-License-Identifier: Apache-2.0
#include "daemon/symbolizer_client/file_broker.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "symbolizer/sandbox/protocol.h"

namespace dlog::daemon {
namespace {

bool SendAnswer(int socket, int32_t error, int fd) {
  iovec data{&error, sizeof(error)};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (fd >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(fd));
    std::memcpy(CMSG_DATA(header), &fd, sizeof(fd));
  }
  // One answer per question, so there is always room; a worker that does not read its answers is cut off.
  return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == static_cast<ssize_t>(sizeof(error));
}

}  // namespace

absl::StatusOr<FileBroker> FileBroker::Create(FilePolicy policy, Debuginfod debuginfod) {
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
    return absl::ErrnoToStatus(errno, "socketpair for a worker's files");
  }
  return FileBroker(std::move(policy), debuginfod, UniqueFd(fds[0]), UniqueFd(fds[1]));
}

UniqueFd FileBroker::Open(const std::string& path, int* error) {
  if (!path.starts_with(sandbox::kDebuginfodPrefix)) return policy_.Open(path, error);
  if (++fetched_ > kMostFetches) {
    *error = EDQUOT;
    return UniqueFd();
  }
  return debuginfod_.Fetch(path.substr(std::strlen(sandbox::kDebuginfodPrefix)), error);
}

bool FileBroker::ServeOne() {
  std::array<char, sandbox::kMaxPath + 1> path;
  const ssize_t got = recv(ours_.get(), path.data(), path.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (got <= 0 || static_cast<size_t>(got) > sandbox::kMaxPath || ++answered_ > kMostFiles) return false;
  int error = 0;
  const UniqueFd fd = Open(std::string(path.data(), static_cast<size_t>(got)), &error);
  return SendAnswer(ours_.get(), fd.valid() ? 0 : error, fd.get());
}

}  // namespace dlog::daemon
