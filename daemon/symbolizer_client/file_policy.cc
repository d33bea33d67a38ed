// SPDX-License-Identifier: Apache-2.0
#include "daemon/symbolizer_client/file_policy.h"

#include <elf.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

namespace dlog::daemon {
namespace {

constexpr char kBootId[] = "/proc/sys/kernel/random/boot_id";
constexpr char kDefaultDebugDirectory[] = "/usr/lib/debug";
// O_NONBLOCK: a FIFO must not hang us; it is refused as not regular. O_NOCTTY: nor may a terminal become ours.
constexpr int kOpenFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

// Without "." and ".." (lexically) and doubled slashes.
std::string Normal(const std::string& path) { return std::filesystem::path(path).lexically_normal().string(); }

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool IsSplitDwarfName(std::string_view path) { return path.ends_with(".dwo") || path.ends_with(".dwp"); }

bool StartsLikeElf(int fd) {
  char magic[SELFMAG] = {};
  return pread(fd, magic, sizeof(magic), 0) == SELFMAG && std::memcmp(magic, ELFMAG, SELFMAG) == 0;
}

// The name that an opened file has in the end, behind every symbolic link.
std::string FinalName(int fd) {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), error).string();
}

}  // namespace

FilePolicy::FilePolicy(const v1::SymbolizerRequest& request) {
  root_ = request.root();
  while (!root_.empty() && root_.back() == '/') root_.pop_back();
  for (const auto& module : request.modules()) {
    if (module.open_path().empty()) continue;
    named_.insert(module.open_path());
    beside_.insert(DirectoryOf(Normal(module.open_path())));
  }
  if (const std::string& debug_file = request.spec().target().debug_file(); !debug_file.empty()) {
    named_.insert(debug_file);
    beside_.insert(DirectoryOf(Normal(debug_file)));
  }
  std::vector<std::string> trees(request.debug_directories().begin(), request.debug_directories().end());
  if (trees.empty()) trees.push_back(kDefaultDebugDirectory);
  for (const std::string& tree : trees) debug_trees_.push_back(Normal(root_ + "/" + tree + "/"));
  for (const std::string& tree : request.own_debug_directories()) debug_trees_.push_back(Normal(tree + "/"));
}

FilePolicy::Verdict FilePolicy::Judge(const std::string& path) const {
  if (named_.count(path) != 0 || path == kBootId) return Verdict::kNamed;
  const std::string normal = Normal(path);
  for (const std::string& tree : debug_trees_) {
    if (normal.size() > tree.size() && normal.compare(0, tree.size(), tree) == 0) return Verdict::kIfElf;
  }
  std::string directory = DirectoryOf(normal);
  if (beside_.count(directory) != 0) return Verdict::kIfElf;
  if (directory == ".debug" && beside_.count(".") != 0) return Verdict::kIfElf;
  if (directory.ends_with("/.debug") && beside_.count(DirectoryOf(directory)) != 0) return Verdict::kIfElf;
  return IsSplitDwarfName(normal) ? Verdict::kIfSplitDwarf : Verdict::kForbidden;
}

UniqueFd FilePolicy::OpenRaw(const std::string& path) const {
  const bool in_target = !root_.empty() && path.size() > root_.size() && path.compare(0, root_.size(), root_) == 0 &&
                         path[root_.size()] == '/';
  if (!in_target) return UniqueFd(open(path.c_str(), kOpenFlags));
  const UniqueFd root(open(root_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) return UniqueFd();
  open_how how = {};
  how.flags = kOpenFlags;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const std::string inside = path.substr(root_.size() + 1);
  return UniqueFd(static_cast<int>(syscall(SYS_openat2, root.get(), inside.c_str(), &how, sizeof(how))));
}

UniqueFd FilePolicy::Open(const std::string& path, int* error) const {
  *error = EACCES;
  if (path.empty() || path.find('\0') != std::string::npos) return UniqueFd();
  const Verdict verdict = Judge(path);
  if (verdict == Verdict::kForbidden) return UniqueFd();
  // What was judged is what is opened; a named path may hold magic links of /proc and is taken as it is.
  UniqueFd fd = OpenRaw(verdict == Verdict::kNamed ? path : Normal(path));
  if (!fd.valid()) {
    *error = errno;
    return UniqueFd();
  }
  struct stat info = {};
  if (fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) return UniqueFd();
  // A symbolic link that a container put into its debug directory gains nothing: what it leads to is no ELF file.
  if (verdict != Verdict::kNamed && !StartsLikeElf(fd.get())) return UniqueFd();
  if (verdict == Verdict::kIfSplitDwarf && !IsSplitDwarfName(FinalName(fd.get()))) return UniqueFd();
  *error = 0;
  return fd;
}

}  // namespace dlog::daemon
