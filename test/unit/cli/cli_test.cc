// SPDX-License-Identifier: Apache-2.0
//
// The whole of dlogctl in this process: wrong usage, unreachable daemons, and every command against the API of an
// engine with a fake kernel.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "cli/context.h"
#include "cli/exit_status.h"
#include "daemon/control/api_server.h"
#include "daemon/control/socket_claim.h"
#include "symbolizer/base/status_hint.h"
#include "test/catch.h"
#include "test/fakes/fake_node.h"

namespace dlog::cli {
namespace {

struct Result {
  int status = -1;
  std::string out;
  std::string err;
};

// Sends a standard stream to a file until destruction.
class Redirected {
 public:
  Redirected(int fd, FILE* stream) : fd_(fd), stream_(stream), saved_(dup(fd)) {
    fflush(stream_);
    char name[] = "/tmp/dlog-cli-XXXXXX";
    file_ = mkstemp(name);
    unlink(name);
    dup2(file_, fd_);
  }
  std::string Finish() {
    fflush(stream_);
    dup2(saved_, fd_);
    close(saved_);
    std::string text(static_cast<size_t>(lseek(file_, 0, SEEK_END)), '\0');
    if (pread(file_, text.data(), text.size(), 0) < 0) text.clear();
    close(file_);
    return text;
  }

 private:
  const int fd_;
  FILE* const stream_;
  const int saved_;
  int file_ = -1;
};

// What the running Ctl() has printed, for other threads; empty while standard output is not such a file.
std::string PrintedSoFar() {
  struct stat file;
  if (fstat(STDOUT_FILENO, &file) != 0 || !S_ISREG(file.st_mode)) return "";
  std::string text(static_cast<size_t>(file.st_size), '\0');
  const ssize_t size = pread(STDOUT_FILENO, text.data(), text.size(), 0);
  text.resize(size > 0 ? static_cast<size_t>(size) : 0);
  return text;
}

Result Ctl(std::vector<std::string> words) {
  words.insert(words.begin(), "dlogctl");
  std::vector<const char*> argv;
  argv.reserve(words.size());
  for (const std::string& word : words) argv.push_back(word.c_str());
  Result result;
  Redirected out(STDOUT_FILENO, stdout), err(STDERR_FILENO, stderr);
  result.status = Main(static_cast<int>(argv.size()), argv.data());
  result.out = out.Finish();
  result.err = err.Finish();
  return result;
}

// "what, where, why" on the first line, "hint: ..." on the second, nothing else anywhere.
void CheckRefusal(const Result& result, int status, const std::string& part) {
  INFO(result.out);
  INFO(result.err);
  CHECK(result.status == status);
  CHECK(result.out.empty());
  CHECK(result.err.compare(0, 9, "dlogctl: ") == 0);
  const size_t hint = result.err.find("\nhint: ");
  REQUIRE(hint != std::string::npos);
  CHECK(result.err.find(part) < hint);
  CHECK(result.err.find('\n', hint + 1) == result.err.size() - 1);
}

// The API of a fake node on a socket of its own.
class ServedNode {
 public:
  ServedNode() {
    char name[] = "/tmp/dlog-cli-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    directory_ = name;
    auto server = daemon::ApiServer::ListenUnix(node.engine.get(), directory_ + "/d.sock");
    REQUIRE(server.ok());
    server_ = *std::move(server);
  }
  ~ServedNode() {
    node.engine->Stop();
    server_.reset();
    rmdir(directory_.c_str());
  }
  std::string url() const { return "unix://" + directory_ + "/d.sock"; }
  std::string pid() const { return std::to_string(node.target.pid()); }
  Result Ctl(std::vector<std::string> words) {
    words.insert(words.begin(), {"--server", url()});
    return cli::Ctl(std::move(words));
  }

  fakes::FakeNode node;

 private:
  std::string directory_;
  std::unique_ptr<daemon::ApiServer> server_;
};

// In dlogctl no thread is older than the one that takes the signals; here those of the servers and of gRPC would be,
// and would be killed. So no thread of this program ever takes it by default.
[[maybe_unused]] const bool kInterruptBlocked = [] {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  return pthread_sigmask(SIG_BLOCK, &signals, nullptr) == 0;
}();

TEST_CASE("wrong usage ends with 2") {
  using Words = std::vector<std::string>;
  const std::vector<Words> lines = {
      {},
      {"frobnicate"},
      {"log"},
      {"log", "order.cc:42", "text"},
      {"log", "-p", "1"},
      {"log", "-p", "1", "order.cc:42"},
      {"log", "-p", "zero", "order.cc:42", "text"},
      {"log", "-p", "-1", "order.cc:42", "text"},
      {"log", "-p", "1", "order.cc:42", "text", "more"},
      {"log", "-p", "1", "order.cc:42", "text", "--ttl", "soon"},
      {"log", "-p", "1", "order.cc:42", "text", "--rate", "5/m"},
      {"log", "-p", "1", "order.cc:42", "text", "--bytes", "many"},
      {"log", "-p", "1", "order.cc:42", "text", "--level", "loud"},
      {"log", "-p", "1", "order.cc:42", "text", "--site", "best"},
      {"log", "-p", "1", "order.cc:42", "text", "--hits", "-3"},
      {"log", "-p", "1", "order.cc:42", "text", "--every", "-1"},
      {"log", "-p", "1", "order.cc:42", "text", "--plan", "plan"},
      {"log", "-p", "1", "--plan", "plan", "--if", "x"},
      {"explain", "-p", "1"},
      {"explain", "-p", "1", "--binary", "/bin/sh", "order.cc:42"},
      {"vars", "order.cc:42"},
      {"lines", "-p", "1"},
      {"resolve", "-p", "1", "order.cc:42", "text"},
      {"rm"},
      {"rm", "lp-1", "--all"},
      {"describe"},
      {"-o", "yaml", "ls"},
  };
  for (const Words& words : lines) {
    std::string line;
    for (const std::string& word : words) line += word + " ";
    INFO(line);
    const Result result = Ctl(words);
    CHECK(result.status == kWrongUsage);
    CHECK(result.out.empty());
    CHECK_FALSE(result.err.empty());
  }
}

TEST_CASE("help and version end with 0") {
  CHECK(Ctl({"--help"}).status == kDone);
  CHECK(Ctl({"log", "--help"}).out.find("--hits") != std::string::npos);
  CHECK(Ctl({"--version"}).out.find("dlogctl ") == 0);
}

TEST_CASE("a named daemon that cannot be reached is a failure with a hint") {
  CheckRefusal(Ctl({"--server", "unix:///nonexistent/d.sock", "ls"}), kFailed, "/nonexistent/d.sock");
  CheckRefusal(Ctl({"ls", "--server", "unix:///nonexistent/d.sock"}), kFailed, "/nonexistent/d.sock");
  CheckRefusal(Ctl({"--server", "node7.invalid:7000", "ls"}), kFailed, "node7.invalid");
  CheckRefusal(Ctl({"--server", "127.0.0.1:1", "ls"}), kWrongUsage, "takes --ca, --cert and --key");
  CheckRefusal(Ctl({"--server", "127.0.0.1:1", "--plain", "ls"}), kFailed, "cannot connect to dlogd at 127.0.0.1:1");
  CheckRefusal(Ctl({"--server", "/a.sock,/b.sock", "lines", "-x", "/bin/sh", "a.cc"}), kWrongUsage, "asks one node");
  for (const char* command : {"doctor", "top", "audit", "export"}) {
    INFO(command);
    CheckRefusal(Ctl({"--server", "/a.sock,/b.sock", command}), kFailed, "cannot connect to dlogd at it");
  }
  CheckRefusal(Ctl({"--server", "/a.sock,/b.sock", "log", "-x", "/bin/sh", "a.cc:1", "x", "--detach"}), kFailed,
               "cannot connect to dlogd at it");
  CheckRefusal(Ctl({"--server", "/a.sock,/b.sock", "ls"}), kFailed,
               "unix:///a.sock and unix:///b.sock: cannot connect to dlogd at it");
  CheckRefusal(Ctl({"--server", "unix:///nonexistent/d.sock", "doctor"}), kFailed, "/nonexistent/d.sock");
}

TEST_CASE("log follows until the hit limit and tells the account") {
  ServedNode served;
  std::thread hits([&] {
    CHECK(fakes::Eventually([&] { return served.node.kernel.attached_count() == 1; }));
    served.node.kernel.Hit(0, 3);
  });
  const Result result = served.Ctl({"log", "-p", served.pid(), "order.cc:42", "hit", "--hits", "3"});
  hits.join();
  INFO(result.err);
  CHECK(result.status == kDone);
  CHECK(result.out.find("hit 0\n") != std::string::npos);
  CHECK(result.out.find("hit 2\n") != std::string::npos);
  CHECK(result.err.find("lp-1 finished (hit limit of 3 reached): 3 hits = 3 emitted") != std::string::npos);
  CHECK(served.node.engine->List().empty());
}

TEST_CASE("log as JSON prints one object a line") {
  ServedNode served;
  std::thread hits([&] {
    CHECK(fakes::Eventually([&] { return served.node.kernel.attached_count() == 1; }));
    served.node.kernel.Hit(0, 2);
  });
  const Result result = served.Ctl({"-o", "json", "log", "-p", served.pid(), "order.cc:42", "hit", "--hits", "2"});
  hits.join();
  CHECK(result.status == kDone);
  std::istringstream lines(result.out);
  std::string line;
  int count = 0;
  while (std::getline(lines, line)) {
    ++count;
    CHECK(line.find("\"logpoint\":\"lp-1\"") != std::string::npos);
    CHECK(line.back() == '}');
  }
  CHECK(count == 2);
}

TEST_CASE("log ends when its target does") {
  ServedNode served;
  std::thread end([&] {
    CHECK(fakes::Eventually([&] { return served.node.kernel.attached_count() == 1; }));
    served.node.target.End();
  });
  const Result result = served.Ctl({"log", "-p", served.pid(), "order.cc:42", "hit"});
  end.join();
  CHECK(result.status == kDone);
  CHECK(result.err.find("has exited") != std::string::npos);
}

TEST_CASE("Ctrl-C ends log with its logpoint and the account") {
  ServedNode served;
  std::thread interrupt([&] {
    CHECK(fakes::Eventually([&] { return served.node.kernel.attached_count() == 1; }));
    served.node.kernel.Hit(0, 2);
    // Not earlier: an interrupt while the logpoint is being added ends without an account.
    CHECK(fakes::Eventually([] { return PrintedSoFar().find("hit 1\n") != std::string::npos; }));
    kill(getpid(), SIGINT);
    usleep(1000);  // timeout(1) sends it twice
    kill(getpid(), SIGINT);
  });
  const Result result = served.Ctl({"log", "-p", served.pid(), "order.cc:42", "hit"});
  interrupt.join();
  CHECK(result.status == kDone);
  CHECK(result.err.find("lp-1 removed (removed by request): 2 hits = 2 emitted") != std::string::npos);
  CHECK(served.node.engine->List().empty());
}

TEST_CASE("a detached logpoint is listed, described, followed and removed") {
  ServedNode served;
  const Result added = served.Ctl(
      {"log",      "-p",     served.pid(), "order.cc:42", "status",  "--detach", "--tag", "a",       "--tag",
       "b",        "--rate", "0",          "--ttl",       "10m",     "--level",  "warn",  "--items", "7",
       "--string", "9",      "--depth",    "2",           "--bytes", "4KiB",     "--if",  "x > 1",   "--site=exact"});
  INFO(added.err);
  CHECK(added.status == kDone);
  CHECK(added.out == "lp-1 logs at /src/order.cc:42\n");
  REQUIRE(served.node.requests().size() == 1);
  const v1::LogpointSpec spec = served.node.requests()[0].spec();
  CHECK(spec.template_() == "status");  // and not the command of that name
  CHECK(spec.condition() == "x > 1");
  CHECK(spec.level() == v1::LEVEL_WARN);
  CHECK(spec.tags_size() == 2);
  CHECK(spec.site_policy() == v1::SITE_EXACT);
  CHECK(spec.limits().rate_per_second() == 0);
  CHECK(spec.limits().ttl_ms() == 600000);
  CHECK(spec.limits().items() == 7);
  CHECK(spec.limits().string_bytes() == 9);
  CHECK(spec.limits().depth() == 2);
  CHECK(spec.limits().event_bytes() == 4096);

  CHECK(served.Ctl({"ls"}).out.find("lp-1") != std::string::npos);
  CHECK(served.Ctl({"-o", "json", "ls"}).out.find("{\"logpoints\":[{\"id\":\"lp-1\"") == 0);
  const Result described = served.Ctl({"describe", "lp-1"});
  CHECK(described.status == kDone);
  CHECK(described.out.find("0 hits = 0 emitted") != std::string::npos);
  CHECK(described.out.find("push rbp") != std::string::npos);
  CHECK(served.Ctl({"describe", "lp-1", "-o", "json"}).out.find("\"resolved\":{\"file\":") != std::string::npos);

  std::thread remove([&] {
    served.node.kernel.Hit(0, 1);
    absl::SleepFor(absl::Milliseconds(100));
    CHECK(served.node.engine->Remove({"lp-1"}, false).ok());
  });
  const Result tail = served.Ctl({"tail", "lp-1"});
  remove.join();
  CHECK(tail.status == kDone);
  CHECK(tail.err.find("lp-1 removed") != std::string::npos);

  CheckRefusal(served.Ctl({"rm", "lp-1"}), kFailed, "lp-1");
  CheckRefusal(served.Ctl({"describe", "lp-1"}), kFailed, "lp-1");
  CheckRefusal(served.Ctl({"tail", "lp-1"}), kFailed, "lp-1");
  CHECK(served.Ctl({"rm", "--all"}).status == kDone);
}

TEST_CASE("refusals of the daemon arrive with message, hint and caret") {
  ServedNode served;
  served.node.SymbolizeWith([](const auto&) -> absl::StatusOr<v1::SymbolizerResponse> {
    return WithHint(absl::InvalidArgumentError("template: unexpected '}'\n  total {total +}\n                ^"),
                    "an operand is missing \xe2\x80\x93 after '+'");
  });
  const Result result = served.Ctl({"log", "-p", served.pid(), "order.cc:42", "total {total +}"});
  CHECK(result.status == kFailed);
  CHECK(result.out.empty());
  CHECK(result.err ==
        "dlogctl: template: unexpected '}'\n  total {total +}\n                ^\n"
        "hint: an operand is missing \xe2\x80\x93 after '+'\n");
}

TEST_CASE("sites that are refused make a partial success") {
  ServedNode served;
  served.node.SymbolizeWith([](const v1::SymbolizerRequest& request) -> absl::StatusOr<v1::SymbolizerResponse> {
    v1::SymbolizerResponse response;
    *response.mutable_resolved() = fakes::PlanFor(request.modules(0).display_path(), request.modules(0).open_path());
    response.mutable_resolved()->add_refused()->set_reason("a probe here would crash the target");
    return response;
  });
  const Result result = served.Ctl({"log", "-p", served.pid(), "order.cc:42", "hit", "--detach"});
  CHECK(result.status == kPartial);
  CHECK(result.err.find("1 of 2 sites") != std::string::npos);
}

TEST_CASE("explain and vars ask without attaching") {
  ServedNode served;
  const Result text = served.Ctl({"explain", "-p", served.pid(), "order.cc:42", "hit"});
  CHECK(text.status == kDone);
  CHECK(text.out.find("/src/order.cc:42") == 0);
  CHECK(served.Ctl({"-o", "json", "vars", "-p", served.pid(), "order.cc:42"}).out.find("{\"file\":") == 0);
  REQUIRE(served.node.requests().size() == 2);
  CHECK(served.node.requests()[0].explain());
  CHECK(served.node.requests()[1].operation() == v1::SymbolizerRequest::VARIABLES);
  CHECK(served.node.kernel.attached_count() == 0);
}

TEST_CASE("status and doctor describe the daemon") {
  ServedNode served;
  CHECK(served.Ctl({"status"}).out.find("host       n1") != std::string::npos);
  CHECK(served.Ctl({"-o", "json", "status"}).out.find("\"embedded\":false") != std::string::npos);
  CHECK(served.Ctl({"-o", "json", "doctor"}).out.find("{\"checks\":[{") == 0);
}

TEST_CASE("a plan that is not one is refused before the daemon sees it") {
  ServedNode served;
  CheckRefusal(served.Ctl({"log", "-p", served.pid(), "--plan", "/nonexistent/plan"}), kFailed, "/nonexistent/plan");
  CheckRefusal(served.Ctl({"log", "-p", served.pid(), "--plan", "/bin/sh"}), kFailed, "/bin/sh");
  CheckRefusal(served.Ctl({"log", "-p", served.pid(), "--plan", "/dev/null"}), kFailed, "/dev/null");
}

TEST_CASE("a second daemon is refused a socket in use, and takes over a dead one's") {
  ServedNode served;
  const std::string path = served.url().substr(sizeof("unix://") - 1);
  const auto second = daemon::ApiServer::ListenUnix(served.node.engine.get(), path).status();
  CHECK(absl::IsAlreadyExists(second));
  CHECK(served.Ctl({"ls"}).status == kDone);
}

TEST_CASE("a stale socket is taken over, another file is not") {
  char name[] = "/tmp/dlog-claim-XXXXXX";
  REQUIRE(mkdtemp(name) != nullptr);
  const std::string path = std::string(name) + "/d.sock";
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  REQUIRE(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  close(fd);  // nobody listens: connections are refused
  {
    auto claim = daemon::SocketClaim::Create(path);
    REQUIRE(claim.ok());
    CHECK(access(path.c_str(), F_OK) != 0);
    CHECK(absl::IsAlreadyExists(daemon::SocketClaim::Create(path).status()));
  }
  std::ofstream(path) << "precious";
  CHECK(absl::IsAlreadyExists(daemon::SocketClaim::Create(path).status()));
  CHECK(access(path.c_str(), F_OK) == 0);
  unlink(path.c_str());
  unlink((path + ".lock").c_str());
  rmdir(name);
  CHECK(absl::IsInvalidArgument(daemon::SocketClaim::Create("relative.sock").status()));
  CHECK(absl::IsInvalidArgument(daemon::SocketClaim::Create("/" + std::string(200, 'x')).status()));
}

}  // namespace
}  // namespace dlog::cli
