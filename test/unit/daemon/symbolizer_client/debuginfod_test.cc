// SPDX-License-Identifier: Apache-2.0
//
// The client and the worker with elfutils' server on the loopback interface.
#include "daemon/symbolizer_client/debuginfod.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include "test/catch.h"

#include "daemon/symbolizer_client/symbolizer_client.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::daemon {
namespace {

namespace fs = std::filesystem;

const std::string kPrograms = DLOG_PROGRAMS_DIR;

int FreePort() {
  const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  REQUIRE(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
  REQUIRE(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0);
  return ntohs(address.sin_port);
}

// `debuginfod` over one directory, with its client's settings in the environment; both end with the object.
class Server {
 public:
  Server() {
    char name[] = "/tmp/dlog-debuginfod-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    directory_ = name;
    fs::copy(kPrograms + "/separate/tree", directory_ + "/files", fs::copy_options::recursive);
    const std::string port = std::to_string(FreePort());
    const std::string files = directory_ + "/files";
    const char* const argv[] = {"debuginfod", "-p", port.c_str(), "-d", ":memory:", "-F", files.c_str(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    started_ = posix_spawnp(&pid_, argv[0], &actions, nullptr, const_cast<char**>(argv), environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    setenv("DEBUGINFOD_URLS", ("http://127.0.0.1:" + port).c_str(), 1);
    setenv("DEBUGINFOD_CACHE_PATH", (directory_ + "/cache").c_str(), 1);
  }
  ~Server() {
    if (started_) {
      kill(pid_, SIGTERM);
      waitpid(pid_, nullptr, 0);
    }
    unsetenv("DEBUGINFOD_URLS");
    unsetenv("DEBUGINFOD_CACHE_PATH");
    fs::remove_all(directory_);
  }
  bool started() const { return started_; }
  // The server scans its files after it has begun to answer. What the client learned meanwhile it would remember.
  bool HasIndexed(const std::string& build_id) const {
    for (int i = 0; i < 600; ++i) {
      int error = 0;
      if (Debuginfod::FromEnvironment().Fetch(build_id, &error).valid()) return true;
      fs::remove_all(directory_ + "/cache");
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return false;
  }

 private:
  std::string directory_;
  pid_t pid_ = 0;
  bool started_ = false;
};

// Of separate/stripped: its debug file is in a build-id tree.
std::string BuildId() {
  const fs::path head = fs::directory_iterator(kPrograms + "/separate/tree/.build-id")->path();
  return head.filename().string() + fs::directory_iterator(head)->path().stem().string();
}

v1::SymbolizerRequest LinesOfStripped() {
  v1::SymbolizerRequest request;
  request.set_operation(v1::SymbolizerRequest::LINES);
  request.mutable_spec()->set_location("plain.c");
  request.add_modules()->set_open_path(kPrograms + "/separate/stripped");
  return request;
}

SymbolizerClient Client() {
  SymbolizerOptions options;
  options.worker_path = DLOG_WORKER;
  options.debuginfod = Debuginfod::FromEnvironment();
  return SymbolizerClient(options);
}

TEST_CASE("Without servers nothing is asked, and the error says how to name some") {
  unsetenv("DEBUGINFOD_URLS");
  int error = 0;
  CHECK_FALSE(Debuginfod::FromEnvironment().Fetch(BuildId(), &error).valid());
  CHECK(error == EACCES);
  const absl::Status status = Client().Run(LinesOfStripped()).status();
  INFO(status);
  CHECK(absl::IsNotFound(status));
  CHECK(status.message().find("DEBUGINFOD_URLS is not set") != std::string::npos);
}

TEST_CASE("A debug file comes from a debuginfod server") {
  const Server server;
  if (!server.started()) {
    WARN("SKIP: debuginfod is not installed (deploy/install-deps.sh test)");
    CHECK(getenv("CI") == nullptr);
    return;
  }
  REQUIRE(server.HasIndexed(BuildId()));
  auto response = Client().Run(LinesOfStripped());
  INFO(response.status());
  REQUIRE(response.ok());
  CHECK(response->lines().lines_size() > 0);
  CHECK(response->lines().binary().debug_file() == "debuginfod:" + BuildId());
  int error = 0;
  CHECK_FALSE(Debuginfod::FromEnvironment().Fetch("../../../etc/passwd", &error).valid());
  CHECK(error == EINVAL);
  CHECK_FALSE(Debuginfod::FromEnvironment().Fetch(std::string(40, 'a'), &error).valid());
  CHECK(error == ENOENT);
}

TEST_CASE("A server that does not answer is named in the error") {
  setenv("DEBUGINFOD_URLS", ("http://127.0.0.1:" + std::to_string(FreePort())).c_str(), 1);
  setenv("DEBUGINFOD_CACHE_PATH", "/tmp/dlog-debuginfod-none", 1);
  const absl::Status status = Client().Run(LinesOfStripped()).status();
  unsetenv("DEBUGINFOD_URLS");
  unsetenv("DEBUGINFOD_CACHE_PATH");
  fs::remove_all("/tmp/dlog-debuginfod-none");
  INFO(status);
  CHECK(absl::IsNotFound(status));
  CHECK(status.message().find("debuginfod (") != std::string::npos);
  CHECK(status.message().find("is not set") == std::string::npos);
}

}  // namespace
}  // namespace dlog::daemon
