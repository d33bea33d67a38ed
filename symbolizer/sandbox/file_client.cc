// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/sandbox/file_client.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>

#include "symbolizer/sandbox/protocol.h"

namespace dlog::sandbox {
namespace {

struct State {
  std::mutex mutex;
  UniqueFd broker;
  std::map<int, std::string> paths;
};

// Never destroyed: files are still opened and closed while the program ends.
State& TheState() {
  static State* const state = new State;
  return *state;
}

// The answer to one request: a descriptor, or -1 with errno.
int ReceiveAnswer(int broker) {
  int32_t error = EIO;
  iovec data{&error, sizeof(error)};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  ssize_t got;
  while ((got = recvmsg(broker, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR) {
  }
  if (got != sizeof(error)) {
    errno = EIO;
    return -1;
  }
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (error == 0 && header != nullptr && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
    int fd;
    std::memcpy(&fd, CMSG_DATA(header), sizeof(fd));
    return fd;
  }
  errno = error != 0 ? error : EIO;
  return -1;
}

}  // namespace

void SetBroker(UniqueFd fd) { TheState().broker = std::move(fd); }

bool HasBroker() { return TheState().broker.valid(); }

int OpenThroughBroker(const char* path) {
  const size_t length = std::strlen(path);
  if (length == 0 || length > kMaxPath) {
    errno = length == 0 ? ENOENT : ENAMETOOLONG;
    return -1;
  }
  State& state = TheState();
  std::lock_guard<std::mutex> lock(state.mutex);
  ssize_t sent;
  while ((sent = send(state.broker.get(), path, length, MSG_NOSIGNAL)) < 0 && errno == EINTR) {
  }
  if (sent != static_cast<ssize_t>(length)) {
    errno = EIO;
    return -1;
  }
  const int fd = ReceiveAnswer(state.broker.get());
  if (fd >= 0) state.paths[fd] = path;
  return fd;
}

std::string BrokeredPath(int fd) {
  State& state = TheState();
  std::lock_guard<std::mutex> lock(state.mutex);
  const auto found = state.paths.find(fd);
  return found == state.paths.end() ? std::string() : found->second;
}

}  // namespace dlog::sandbox
