// SPDX-License-Identifier: Apache-2.0
#include "daemon/targets/small_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "symbolizer/base/unique_fd.h"

namespace dlog::daemon {

absl::StatusOr<std::string> ReadSmallFile(const std::string& path, size_t max_bytes) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, fmt::format("open {}", path));
  std::string out;
  char chunk[16384];
  while (true) {
    const ssize_t got = read(fd.get(), chunk, sizeof(chunk));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return absl::ErrnoToStatus(errno, fmt::format("read {}", path));
    if (got == 0) return out;
    out.append(chunk, static_cast<size_t>(got));
    if (out.size() > max_bytes) {
      return absl::ResourceExhaustedError(fmt::format("{} is larger than {} bytes", path, max_bytes));
    }
  }
}

}  // namespace dlog::daemon
