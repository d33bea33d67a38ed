// SPDX-License-Identifier: Apache-2.0
#include "daemon/attach/boot_cache.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "test/catch.h"

namespace dlog::attach {
namespace {

struct Directory {
  std::string path;
  Directory() {
    char name[] = "/tmp/dlog-boot-cache-XXXXXX";
    path = mkdtemp(name);
  }
  ~Directory() {
    unlink(File().c_str());
    rmdir(path.c_str());
  }
  std::string File() const { return path + "/kernel"; }
};

}  // namespace

TEST_CASE("what was found out is known to the next process of this boot") {
  const Directory directory;
  {
    BootCache cache(directory.File());
    CHECK_FALSE(cache.Get("filter").has_value());
    cache.Put("filter", "works");
    cache.Put("vectors", "not at all: 3 wrong");
  }
  const BootCache again(directory.File());
  CHECK(again.Get("filter") == "works");
  CHECK(again.Get("vectors") == "not at all: 3 wrong");
}

TEST_CASE("another boot's, or another user's, findings do not count") {
  const Directory directory;
  BootCache(directory.File()).Put("filter", "works");
  CHECK(BootCache(directory.File()).Get("filter").has_value());
  chmod(directory.File().c_str(), 0666);
  CHECK_FALSE(BootCache(directory.File()).Get("filter").has_value());

  unlink(directory.File().c_str());
  std::ofstream(directory.File()) << "boot 0 another kernel\nfilter works\n";
  CHECK_FALSE(BootCache(directory.File()).Get("filter").has_value());
}

TEST_CASE("without a file a cache remembers for itself") {
  BootCache cache("");
  cache.Put("filter", "works");
  CHECK(cache.Get("filter") == "works");
}

}  // namespace dlog::attach
