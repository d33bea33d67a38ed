// SPDX-License-Identifier: Apache-2.0
//
// Types of the system's C headers with constant contents; scenarios/library_types.py knows what has to be seen.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cstring>

void Keep(const void* object);

namespace posix {

struct Sample {
  sockaddr_in v4 = {};
  sockaddr_in6 v6 = {};
  sockaddr_un local = {};
  sockaddr_storage storage = {};
  sockaddr none = {};
  const sockaddr* by_pointer = nullptr;
  const sockaddr* six = nullptr;
  const sockaddr* path = nullptr;
  timespec when = {1, 500000000};
  timeval ago = {2, 250000};
};

__attribute__((noinline)) int Probe(const Sample& s) {
  Keep(&s);  // the logpoint
  return s.v4.sin_port;
}

}  // namespace posix

int main() {
  posix::Sample s;
  s.v4.sin_family = AF_INET;
  s.v4.sin_port = htons(8080);
  inet_pton(AF_INET, "192.0.2.7", &s.v4.sin_addr);
  s.v6.sin6_family = AF_INET6;
  s.v6.sin6_port = htons(443);
  inet_pton(AF_INET6, "2001:db8::1", &s.v6.sin6_addr);
  s.local.sun_family = AF_UNIX;
  std::strcpy(s.local.sun_path, "/run/a.sock");
  std::memcpy(&s.storage, &s.v6, sizeof(s.v6));
  s.none.sa_family = AF_NETLINK;
  // As every user of the sockets' interface does.
  s.by_pointer = reinterpret_cast<const sockaddr*>(&s.v4);
  s.six = reinterpret_cast<const sockaddr*>(&s.v6);
  s.path = reinterpret_cast<const sockaddr*>(&s.local);
  int sum = 0;
  for (int i = 0; i < 100000; ++i) {
    sum += posix::Probe(s);
    usleep(10000);
  }
  return sum == 0 ? 0 : 1;
}
