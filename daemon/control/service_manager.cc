// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "symbolizer/base/unique_fd.h"

namespace dlog::daemon {
namespace {

std::optional<int64_t> NumberOf(const char* variable) {
  const char* text = getenv(variable);
  int64_t number = 0;
  if (text == nullptr || std::from_chars(text, text + strlen(text), number).ec != std::errc()) return std::nullopt;
  return number;
}

}  // namespace

void NotifyServiceManager(const std::string& state) {
  const char* path = getenv("NOTIFY_SOCKET");
  sockaddr_un address = {};
  if (path == nullptr || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof(address.sun_path)) return;
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, path, strlen(path));
  if (path[0] == '@') address.sun_path[0] = '\0';  // an abstract socket
  const UniqueFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  (void)sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&address),
               static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + strlen(path)));
}

std::optional<absl::Duration> WatchdogPeriod() {
  const auto period = NumberOf("WATCHDOG_USEC");
  const auto pid = NumberOf("WATCHDOG_PID");
  if (!period.has_value() || *period <= 0 || (pid.has_value() && *pid != getpid())) return std::nullopt;
  return absl::Microseconds(*period) / 2;
}

}  // namespace dlog::daemon
