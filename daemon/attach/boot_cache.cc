// SPDX-License-Identifier: Apache-2.0
#include "daemon/attach/boot_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "symbolizer/base/unique_fd.h"

namespace dlog::attach {
namespace {

constexpr size_t kMaxFileBytes = 64 << 10;

std::string Identity() {
  utsname name = {};
  uname(&name);
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string boot;
  std::getline(file, boot);
  return absl::StrCat("boot ", boot, " ", name.release, " ", name.version, " dlog ", DLOG_VERSION);
}

// Empty when it cannot be read or others could have written it.
std::string ReadOwnFile(const std::string& path) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat info = {};
  if (!file.valid() || fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) return "";
  if (info.st_uid != geteuid() || (info.st_mode & (S_IWGRP | S_IWOTH)) != 0) return "";
  std::string text;
  std::array<char, 4096> buffer;
  while (text.size() < kMaxFileBytes) {
    const ssize_t got = read(file.get(), buffer.data(), buffer.size());
    if (got <= 0) break;
    text.append(buffer.data(), static_cast<size_t>(got));
  }
  return text;
}

}  // namespace

BootCache::BootCache(std::string path) : path_(std::move(path)) {
  if (path_.empty()) return;
  const std::string text = ReadOwnFile(path_);
  bool first = true;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    if (std::exchange(first, false)) {
      if (line != Identity()) return;
      continue;
    }
    const std::pair<std::string, std::string> entry = absl::StrSplit(line, absl::MaxSplits(' ', 1));
    values_.insert(entry);
  }
}

std::optional<std::string> BootCache::Get(const std::string& key) const {
  const auto found = values_.find(key);
  if (found == values_.end()) return std::nullopt;
  return found->second;
}

void BootCache::Put(const std::string& key, const std::string& value) {
  values_[key] = value;
  if (path_.empty()) return;
  const size_t slash = path_.rfind('/');
  if (slash != std::string::npos && slash > 0) mkdir(path_.substr(0, slash).c_str(), 0755);
  const std::string temporary = absl::StrCat(path_, ".", getpid());
  unlink(temporary.c_str());
  const UniqueFd file(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!file.valid()) return;
  std::string text = Identity() + "\n";
  for (const auto& [name, stored] : values_) absl::StrAppend(&text, name, " ", stored, "\n");
  const bool written = write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (!written || rename(temporary.c_str(), path_.c_str()) != 0) unlink(temporary.c_str());
}

std::string BootCachePath() { return geteuid() == 0 ? "/run/dlog/kernel" : ""; }

}  // namespace dlog::attach
