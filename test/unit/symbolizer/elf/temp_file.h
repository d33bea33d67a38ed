// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>

namespace dlog::elf {

inline std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

// A file with `content` that goes away with the object.
class TempFile {
 public:
  explicit TempFile(const std::string& content) {
    const int fd = ::mkstemp(path_.data());
    if (fd >= 0) ::close(fd);
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~TempFile() { ::unlink(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/dlog_elf_XXXXXX";
};

inline std::string ProgramPath(const std::string& name) { return std::string(DLOG_PROGRAMS_DIR) + "/" + name; }

}  // namespace dlog::elf
