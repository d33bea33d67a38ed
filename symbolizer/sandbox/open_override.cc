// SPDX-License-Identifier: Apache-2.0
//
// open(2) and realpath(3) of this program. The dynamic linker binds the calls of libdw and libelf to these as well,
// which is why it is done here and not by a seam in our own code: libdw opens .dwo files itself.
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdarg>
#include <cstring>
#include <string>
#include <string_view>

#include "symbolizer/base/open_hook.h"
#include "symbolizer/sandbox/file_client.h"

namespace {

constexpr std::string_view kOwnDescriptors = "/proc/self/fd/";

int Open(const char* path, int flags, mode_t mode) {
  if (path == nullptr) {
    errno = EFAULT;
    return -1;
  }
  if (const int fd = dlog::OpenByHook(path); fd >= 0) return fd;
  const bool only_reads = (flags & O_ACCMODE) == O_RDONLY && (flags & (O_CREAT | O_TRUNC | O_DIRECTORY)) == 0;
  if (only_reads && dlog::sandbox::HasBroker()) {
    const int fd = dlog::sandbox::OpenThroughBroker(path);
    // What the broker does not hand out may be a file of the scratch directory, the only ones left to open directly.
    if (fd >= 0 || errno != EACCES) return fd;
    const int direct = static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, mode));
    if (direct < 0) errno = EACCES;
    return direct;
  }
  return static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

// Behind a descriptor of this process.
std::string NameOf(const char* link) {
  char name[PATH_MAX];
  const ssize_t length = readlink(link, name, sizeof(name));
  return length > 0 ? std::string(name, static_cast<size_t>(length)) : std::string();
}

// The caller passes a mode only when a file can be made.
mode_t ModeOf(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = ModeOf(flags, arguments);
  va_end(arguments);
  return Open(path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = ModeOf(flags, arguments);
  va_end(arguments);
  return Open(path, flags, mode);
}

// libdw asks for the path of a descriptor it was given, to look for .dwo files beside it.
char* realpath(const char* path, char* resolved) noexcept {
  std::string answer;
  if (path != nullptr && std::string_view(path).starts_with(kOwnDescriptors)) {
    const std::string_view number = std::string_view(path).substr(kOwnDescriptors.size());
    int fd = -1;
    const auto parsed = std::from_chars(number.data(), number.data() + number.size(), fd);
    if (parsed.ec == std::errc() && parsed.ptr == number.data() + number.size()) {
      answer = dlog::sandbox::HasBroker() ? dlog::sandbox::BrokeredPath(fd) : NameOf(path);
    }
  }
  if (answer.empty() || answer.size() >= PATH_MAX) {
    errno = EACCES;
    return nullptr;
  }
  if (resolved == nullptr) return strdup(answer.c_str());
  std::memcpy(resolved, answer.c_str(), answer.size() + 1);
  return resolved;
}

}  // extern "C"
