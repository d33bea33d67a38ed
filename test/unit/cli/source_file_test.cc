// SPDX-License-Identifier: Apache-2.0
#include "cli/source_file.h"

#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "cli/md5.h"
#include "test/catch.h"

namespace dlog::cli {
namespace {

namespace fs = std::filesystem;

std::string Hex(const std::string& bytes) {
  std::string out;
  for (const char c : bytes) {
    out.push_back("0123456789abcdef"[static_cast<unsigned char>(c) >> 4]);
    out.push_back("0123456789abcdef"[static_cast<unsigned char>(c) & 15]);
  }
  return out;
}

// A working directory of its own for one test.
class WorkingDirectory {
 public:
  WorkingDirectory() : before_(fs::current_path()) {
    char name[] = "/tmp/dlog-source-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    path_ = name;
    fs::current_path(path_);
  }
  ~WorkingDirectory() {
    fs::current_path(before_);
    fs::remove_all(path_);
  }
  void Write(const std::string& name, const std::string& text) const {
    fs::create_directories(fs::path(path_ + "/" + name).parent_path());
    std::ofstream(path_ + "/" + name) << text;
  }
  const std::string& path() const { return path_; }

 private:
  fs::path before_;
  std::string path_;
};

TEST_CASE("MD5 of the suite in RFC 1321, and around block boundaries") {
  CHECK(Hex(Md5("")) == "d41d8cd98f00b204e9800998ecf8427e");
  CHECK(Hex(Md5("abc")) == "900150983cd24fb0d6963f7d28e17f72");
  CHECK(Hex(Md5("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")) ==
        "d174ab98d277d9f5a5611c2c9f419d9f");
  CHECK(Hex(Md5(std::string(55, 'a'))) == "ef1772b6dff9a122358552954ad0df65");
  CHECK(Hex(Md5(std::string(56, 'a'))) == "3b0c8ac703f828b04c6c197006d17218");
  CHECK(Hex(Md5(std::string(64, 'a'))) == "014842d480b571495a4a0363793f7367");
}

TEST_CASE("the user's file is compared with the one that was compiled") {
  const WorkingDirectory directory;
  directory.Write("src/order.cc", "int total;\n");
  const std::string md5 = Md5("int total;\n");
  const std::string compiled = "/build/shop/src/order.cc";
  for (const char* location : {"order.cc:4", "src/order.cc:4", "function:total"}) {
    INFO(location);
    const SourceComparison same = CompareSource(md5, compiled, location);
    CHECK(same.verdict == v1::CHECKSUM_MATCH);
    CHECK(same.local == "src/order.cc");
    const SourceComparison other = CompareSource(Md5("int sum;\n"), compiled, location);
    CHECK(other.verdict == v1::CHECKSUM_DIFFERS);
    CHECK(DifferenceText(other).find("src/order.cc differs") != std::string::npos);
  }
}

TEST_CASE("the file that the location names goes before one that only looks like it") {
  const WorkingDirectory directory;
  directory.Write("src/order.cc", "old\n");
  directory.Write("mine/order.cc", "new\n");
  CHECK(CompareSource(Md5("new\n"), "/b/src/order.cc", "mine/order.cc:1").verdict == v1::CHECKSUM_MATCH);
  CHECK(CompareSource(Md5("old\n"), "/b/src/order.cc", "order.cc:1").verdict == v1::CHECKSUM_MATCH);
  CHECK(CompareSource(Md5("new\n"), directory.path() + "/mine/order.cc", "order.cc:1").verdict == v1::CHECKSUM_MATCH);
}

TEST_CASE("without a checksum or without a local file nothing is said") {
  const WorkingDirectory directory;
  directory.Write("order.cc", "int total;\n");
  CHECK(CompareSource("", "/b/order.cc", "order.cc:1").verdict == v1::CHECKSUM_UNKNOWN);
  CHECK(CompareSource(Md5("x"), "/b/other.cc", "other.cc:1").verdict == v1::CHECKSUM_UNKNOWN);
}

}  // namespace
}  // namespace dlog::cli
