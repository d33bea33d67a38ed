// SPDX-License-Identifier: Apache-2.0
//
// What was found out about this kernel by trying, kept until the next boot, so that each start of a program does not
// try again.
#pragma once

#include <map>
#include <optional>
#include <string>

namespace dlog::attach {

// Lines "key value" under a first line that names boot, kernel and dlog version. Not thread-safe; several processes may
// use one file: it is replaced as a whole, and what one of them loses it finds out again.
class BootCache {
 public:
  // Empty `path`: remembers within this object only. A file that is not this user's alone, or of another boot, kernel
  // or version, counts as empty.
  explicit BootCache(std::string path);

  std::optional<std::string> Get(const std::string& key) const;
  // Neither may hold a newline, the key no blank. Failure to write is not told: the next process tries again.
  void Put(const std::string& key, const std::string& value);

 private:
  std::string path_;
  std::map<std::string, std::string> values_;
};

// The usual place: /run/dlog/kernel for root, none otherwise.
std::string BootCachePath();

}  // namespace dlog::attach
