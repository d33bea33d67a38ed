// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace dlog {

// An empty directory of the test's own below /tmp, gone with everything in it at the end. Short enough for the paths of
// sockets.
struct TemporaryDirectory {
  TemporaryDirectory() {
    char name[] = "/tmp/dlog-test.XXXXXX";
    if (mkdtemp(name) == nullptr) abort();
    path = name;
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  std::string path;
};

}  // namespace dlog
