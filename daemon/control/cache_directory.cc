// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/cache_directory.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

namespace dlog::daemon {
namespace {

std::string UsualPlace() {
  if (geteuid() == 0) return "/var/cache/dlog";
  if (const char* base = std::getenv("XDG_CACHE_HOME"); base != nullptr && base[0] == '/') {
    return std::string(base) + "/dlog";
  }
  const char* home = std::getenv("HOME");
  return home != nullptr && home[0] == '/' ? std::string(home) + "/.cache/dlog" : "";
}

}  // namespace

std::string CacheDirectory(const std::string& wanted) {
  const std::string path = wanted.empty() ? UsualPlace() : wanted;
  if (path.empty()) return "";
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return "";
  struct stat st = {};
  // Whoever can write here could feed the worker any debug information.
  const bool ours = lstat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
  return ours ? path : "";
}

}  // namespace dlog::daemon
