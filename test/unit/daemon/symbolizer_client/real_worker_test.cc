// SPDX-License-Identifier: Apache-2.0
//
// The client with the real dlog-symbolizer in its sandbox.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "daemon/symbolizer_client/symbolizer_client.h"
#include "test/catch.h"

namespace dlog::daemon {
namespace {

namespace fs = std::filesystem;

SymbolizerClient RealClient() {
  SymbolizerOptions options;
  options.worker_path = DLOG_WORKER;
  options.timeout_ms = 60000;
  return SymbolizerClient(options);
}

// A directory that only this user may enter, with a copy of a program that only this user may read.
class Private {
 public:
  Private() {
    char name[] = "/tmp/dlog-private-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    path_ = name;
    fs::copy_file(DLOG_PROGRAM, program());
    REQUIRE(chmod(program().c_str(), 0600) == 0);
    REQUIRE(mkdir(cache().c_str(), 0700) == 0);
  }
  ~Private() { fs::remove_all(path_); }
  std::string program() const { return path_ + "/program"; }
  std::string cache() const { return path_ + "/cache"; }

 private:
  std::string path_;
};

v1::SymbolizerRequest LinesOf(const std::string& program, const std::string& file) {
  v1::SymbolizerRequest request;
  request.set_operation(v1::SymbolizerRequest::LINES);
  request.mutable_spec()->set_location(file);
  request.add_modules()->set_open_path(program);
  return request;
}

TEST_CASE("a file that the worker's user may not read is resolved") {
  Private files;
  auto response = RealClient().Run(LinesOf(files.program(), "locals.cc"));
  INFO(response.status());
  REQUIRE(response.ok());
  CHECK(response->lines().lines_size() > 0);
}

TEST_CASE("the class of a line is that of the place which a logpoint without variables gets") {
  Private files;
  auto lines = RealClient().Run(LinesOf(files.program(), "locals.cc"));
  REQUIRE(lines.ok());
  for (const v1::LineInfo& info : lines->lines().lines()) {
    v1::SymbolizerRequest request = LinesOf(files.program(), absl::StrCat("locals.cc:", info.line()));
    request.set_operation(v1::SymbolizerRequest::RESOLVE);
    request.mutable_spec()->set_template_("here");
    auto resolved = RealClient().Run(request);
    INFO(info.line() << ": " << resolved.status());
    REQUIRE(resolved.ok());
    v1::InstructionClass cheapest = v1::CLASS_STEPPED;
    for (const v1::Statement& statement : resolved->resolved().statements()) {
      cheapest = std::min(cheapest, statement.candidates(0).instruction_class());
    }
    CHECK(info.instruction_class() == cheapest);
    CHECK(info.sites() == static_cast<uint32_t>(resolved->resolved().statements_size()));
  }
}

TEST_CASE("inflated debug information is kept in the cache's own directory of the worker") {
  Private files;
  auto request = LinesOf(files.program(), "locals.cc");
  request.set_cache_directory(files.cache());
  REQUIRE(RealClient().Run(request).ok());
  size_t kept = 0;
  for (const auto& entry : fs::directory_iterator(files.cache() + "/worker")) kept += entry.is_regular_file();
  CHECK(kept == 1);
  struct stat info = {};
  REQUIRE(stat((files.cache() + "/worker").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0700);
  if (geteuid() == 0) CHECK(info.st_uid != 0);
  REQUIRE(RealClient().Run(request).ok());  // and from there
}

TEST_CASE("a cache directory in other hands is not used") {
  Private files;
  if (geteuid() != 0) return;  // needs another user
  REQUIRE(mkdir((files.cache() + "/worker").c_str(), 0700) == 0);
  REQUIRE(chown((files.cache() + "/worker").c_str(), 1234, 1234) == 0);
  auto request = LinesOf(files.program(), "locals.cc");
  request.set_cache_directory(files.cache());
  REQUIRE(RealClient().Run(request).ok());
  CHECK(fs::is_empty(files.cache() + "/worker"));
}

TEST_CASE("a file that the request does not name is not found") {
  Private files;
  auto request = LinesOf(files.program(), "locals.cc");
  request.mutable_spec()->mutable_target()->set_debug_file("/nonexistent/debug");
  CHECK_FALSE(RealClient().Run(request).ok());
}

// The shadow memory of a sanitizer fits no such limit.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("a worker that needs more memory than it may have says so, and the next request is served") {
  Private files;
  constexpr int kTags = 4 << 20;  // three bytes each in the request, some forty in the worker
  auto request = LinesOf(files.program(), "locals.cc");
  for (int i = 0; i < kTags; ++i) request.mutable_spec()->add_tags("t");
  SymbolizerOptions options;
  options.worker_path = DLOG_WORKER;
  options.address_space_bytes = 128 << 20;
  const auto status = SymbolizerClient(options).Run(request).status();
  INFO(status);
  CHECK(SymbolizerFailureReason(status) == "limit");
  CHECK(RealClient().Run(LinesOf(files.program(), "locals.cc")).ok());
}
#endif

TEST_CASE("the sandbox describes itself") {
  auto text = RealClient().DescribeSandbox();
  INFO(text.status());
  REQUIRE(text.ok());
  CHECK(text->find("no capabilities") != std::string::npos);
  if (geteuid() == 0) CHECK(text->find("user 0,") == std::string::npos);
}

}  // namespace
}  // namespace dlog::daemon
