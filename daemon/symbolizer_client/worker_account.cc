// SPDX-License-Identifier: Apache-2.0
#include "daemon/symbolizer_client/worker_account.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <utility>

namespace dlog::daemon {
namespace {

constexpr char kUserName[] = "dlog-symbolizer";
constexpr uid_t kNobody = 65534;  // the kernel's overflow user
constexpr char kSubdirectory[] = "worker";
constexpr char kTemporaryTemplate[] = "/var/tmp/dlog-worker-XXXXXX";
constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

// Gives a directory that is ours to the worker's user. False when it belongs to somebody else or others may write to
// it.
bool GiveTo(int fd, const std::optional<WorkerAccount>& account) {
  const uid_t owner = account.has_value() ? account->uid : geteuid();
  struct stat info = {};
  if (fstat(fd, &info) != 0) return false;
  if (info.st_uid != owner) {
    if (info.st_uid != geteuid() || fchown(fd, owner, account->gid) != 0) return false;
  }
  return (info.st_mode & 07777) == 0700 || fchmod(fd, 0700) == 0;
}

UniqueFd OpenInCache(const std::string& cache, const std::optional<WorkerAccount>& account) {
  if (cache.empty()) return UniqueFd();
  const UniqueFd parent(open(cache.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!parent.valid() || (mkdirat(parent.get(), kSubdirectory, 0700) != 0 && errno != EEXIST)) return UniqueFd();
  UniqueFd fd(openat(parent.get(), kSubdirectory, kDirectoryFlags));
  return fd.valid() && GiveTo(fd.get(), account) ? std::move(fd) : UniqueFd();
}

}  // namespace

std::optional<WorkerAccount> FindWorkerAccount() {
  if (geteuid() != 0) return std::nullopt;
  std::array<char, 16384> buffer;
  passwd entry = {};
  passwd* found = nullptr;
  if (getpwnam_r(kUserName, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr &&
      found->pw_uid != 0) {
    return WorkerAccount{found->pw_uid, found->pw_gid};
  }
  return WorkerAccount{kNobody, kNobody};
}

absl::StatusOr<ScratchDirectory> ScratchDirectory::Open(const std::string& cache,
                                                        const std::optional<WorkerAccount>& account) {
  ScratchDirectory out;
  out.fd_ = OpenInCache(cache, account);
  if (out.fd_.valid()) return out;
  std::string path = kTemporaryTemplate;
  if (mkdtemp(path.data()) == nullptr) {
    return absl::ErrnoToStatus(errno, fmt::format("cannot make a directory for the symbolizer ({})", path));
  }
  out.temporary_ = path;
  out.fd_.Reset(open(path.c_str(), kDirectoryFlags));
  if (!out.fd_.valid() || !GiveTo(out.fd_.get(), account)) {
    return absl::ErrnoToStatus(errno, fmt::format("cannot give {} to the symbolizer's user", path));
  }
  return out;
}

ScratchDirectory::~ScratchDirectory() {
  if (!fd_.valid() || temporary_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(temporary_, ignored);
}

}  // namespace dlog::daemon
