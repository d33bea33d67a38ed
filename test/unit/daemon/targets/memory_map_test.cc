// SPDX-License-Identifier: Apache-2.0
#include "daemon/targets/memory_map.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "symbolizer/base/unique_fd.h"
#include "test/catch.h"

namespace dlog::daemon {
namespace {

std::string Slurp(const char* path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST_CASE("a line of maps is read whole") {
  const auto maps = ParseMaps(
      "55d0c0a00000-55d0c0a21000 r-xp 00002000 fe:01 1234567                    /usr/bin/my prog (deleted)\n"
      "7ffd1000-7ffd2000 rw-p 00000000 00:00 0 \n"
      "7ffd3000-7ffd5000 r-xp 00000000 00:00 0                          [vdso]\n");
  REQUIRE(maps.size() == 3);
  CHECK(maps[0].start == 0x55d0c0a00000);
  CHECK(maps[0].end == 0x55d0c0a21000);
  CHECK(maps[0].executable);
  CHECK(maps[0].offset == 0x2000);
  CHECK(maps[0].device_major == 0xfe);
  CHECK(maps[0].device_minor == 1);
  CHECK(maps[0].inode == 1234567);
  CHECK(maps[0].path == "/usr/bin/my prog");
  CHECK(maps[0].deleted);
  CHECK(maps[0].is_file());
  CHECK_FALSE(maps[1].executable);
  CHECK_FALSE(maps[1].is_file());
  CHECK(maps[2].path == "[vdso]");
  CHECK_FALSE(maps[2].is_file());
}

TEST_CASE("an escaped newline in a path is a newline") {
  const auto maps = ParseMaps("1000-2000 r-xp 00000000 fe:01 7 /tmp/a\\012b\n");
  REQUIRE(maps.size() == 1);
  CHECK(maps[0].path == "/tmp/a\nb");
}

TEST_CASE("lines that are not maps lines are left out") {
  CHECK(ParseMaps("").empty());
  CHECK(ParseMaps("garbage\n\n-\n1000-2000\n1000-2000 r-xp\n2000-1000 r-xp 0 fe:01 7 /x\nzz-2000 r-xp 0 1:1 7 /x")
            .empty());
}

TEST_CASE("memory files and huge pages are not files that can be probed") {
  const auto maps = ParseMaps(
      "1000-2000 r-xp 00000000 00:01 5 /memfd:jit (deleted)\n"
      "3000-4000 r-xp 00000000 00:0f 6 /anon_hugepage (deleted)\n");
  REQUIRE(maps.size() == 2);
  CHECK_FALSE(maps[0].is_file());
  CHECK_FALSE(maps[1].is_file());
}

TEST_CASE("code copied over the file's own text is seen") {
  // The middle of the text has been replaced: the file's code stands on both sides.
  const auto middle = ParseMaps(
      "400000-401000 r--p 00000000 fe:01 7 /prog\n"
      "401000-402000 r-xp 00001000 fe:01 7 /prog\n"
      "402000-502000 r-xp 00000000 00:00 0 \n"
      "502000-503000 r-xp 00102000 fe:01 7 /prog\n");
  CHECK(TextIsRemapped(middle, 1));
  // All of it: read-only segments of the file stand on both sides.
  const auto whole = ParseMaps(
      "400000-401000 r--p 00000000 fe:01 7 /prog\n"
      "401000-502000 r-xp 00000000 00:0f 9 /anon_hugepage (deleted)\n"
      "502000-503000 r--p 00102000 fe:01 7 /prog\n");
  CHECK(TextIsRemapped(whole, 0));
  // The tail.
  const auto tail = ParseMaps(
      "401000-402000 r-xp 00001000 fe:01 7 /prog\n"
      "402000-502000 r-xp 00000000 00:00 0 \n");
  CHECK(TextIsRemapped(tail, 0));
}

TEST_CASE("code generated elsewhere does not spoil a file") {
  const auto maps = ParseMaps(
      "401000-402000 r-xp 00001000 fe:01 7 /prog\n"
      "403000-404000 rw-p 00003000 fe:01 7 /prog\n"
      "7f0000-7f1000 rwxp 00000000 00:00 0 \n"  // a JIT's memory, right below a library's first segment
      "7f1000-7f2000 r--p 00000000 fe:01 8 /lib.so\n"
      "7f2000-7f3000 r-xp 00001000 fe:01 8 /lib.so\n"
      "7f3000-7f4000 rw-p 00002000 fe:01 8 /lib.so\n"
      "7f4000-7f5000 rwxp 00000000 00:00 0 \n"  // and right above its last
      "7ffd3000-7ffd5000 r-xp 00000000 00:00 0 [vdso]\n");
  CHECK_FALSE(TextIsRemapped(maps, 0));
  CHECK_FALSE(TextIsRemapped(maps, 4));
}

TEST_CASE("a process is known not to map a file's code without reading all of its map") {
  struct stat own, data;
  REQUIRE(stat("/proc/self/exe", &own) == 0);
  CHECK(MayMapCode("/proc", getpid(), own.st_ino));
  for (const Mapping& mapping : ParseMaps(Slurp("/proc/self/maps"))) {
    INFO(mapping.path);
    if (mapping.executable && mapping.is_file()) CHECK(MayMapCode("/proc", getpid(), mapping.inode));
  }
  // A file that is mapped, but as data.
  char path[] = "/tmp/dlog-map.XXXXXX";
  const UniqueFd file(mkstemp(path));
  REQUIRE(file.valid());
  unlink(path);
  REQUIRE(ftruncate(file.get(), 4096) == 0);
  REQUIRE(fstat(file.get(), &data) == 0);
  void* mapped = mmap(nullptr, 4096, PROT_READ, MAP_SHARED, file.get(), 0);
  REQUIRE(mapped != MAP_FAILED);
  const bool kernel_tells = !MayMapCode("/proc", getpid(), 0);
  CHECK(MayMapCode("/proc", getpid(), data.st_ino) == !kernel_tells);
  munmap(mapped, 4096);
  // A file of text is no map that the kernel could be asked about.
  std::filesystem::create_directories("/tmp/dlog-map-proc/7");
  std::ofstream("/tmp/dlog-map-proc/7/maps") << "55d0c0a00000-55d0c0a21000 r-xp 00002000 fe:01 12 /usr/bin/a\n";
  CHECK(MayMapCode("/tmp/dlog-map-proc", 7, 13));
  std::filesystem::remove_all("/tmp/dlog-map-proc");
}

}  // namespace
}  // namespace dlog::daemon
