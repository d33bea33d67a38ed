// SPDX-License-Identifier: Apache-2.0
//
// dlog-symbolizer: one request on standard input, one answer on standard output, then exit. Runs apart from dlogd
// because it reads untrusted ELF and DWARF; a crash here is an error of one request.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "symbolizer/base/status_hint.h"
#include "symbolizer/resolver.h"

namespace {

constexpr size_t kMaxRequestBytes = 16 << 20;

bool ReadAll(int fd, std::string* out) {
  char buffer[65536];
  for (;;) {
    const ssize_t n = ::read(fd, buffer, sizeof(buffer));
    if (n == 0) return true;
    if (n < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    if (out->size() + static_cast<size_t>(n) > kMaxRequestBytes) {
      errno = E2BIG;
      return false;
    }
    out->append(buffer, static_cast<size_t>(n));
  }
}

bool WriteAll(int fd, const std::string& bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    done += static_cast<size_t>(n);
  }
  return true;
}

}  // namespace

int main() {
  std::string input;
  if (!ReadAll(STDIN_FILENO, &input)) {
    std::fprintf(stderr, "dlog-symbolizer: cannot read the request: %s\n", std::strerror(errno));
    return 1;
  }
  dlog::v1::SymbolizerRequest request;
  dlog::v1::SymbolizerResponse response;
  if (input.empty() || !request.ParseFromString(input)) {
    std::fprintf(stderr,
                 "dlog-symbolizer: standard input is not a request; this program is run by dlogd and dlogctl\n");
    return 2;
  }
  auto answer = dlog::symbolizer::Resolve(request);
  if (answer.ok()) {
    response = *std::move(answer);
  } else {
    dlog::v1::SymbolizerError* error = response.mutable_error();
    error->set_code(static_cast<int>(answer.status().code()));
    error->set_message(std::string(answer.status().message()));
    error->set_hint(dlog::HintOf(answer.status()));
  }
  if (!WriteAll(STDOUT_FILENO, response.SerializeAsString())) {
    std::fprintf(stderr, "dlog-symbolizer: cannot write the answer: %s\n", std::strerror(errno));
    return 1;
  }
  return 0;
}
