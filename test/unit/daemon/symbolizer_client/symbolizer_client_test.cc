// SPDX-License-Identifier: Apache-2.0
//
// The client against workers that behave as badly as they can. Each fake worker is a shell script.
#include "daemon/symbolizer_client/symbolizer_client.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <string>

#include "symbolizer/base/status_hint.h"
#include "test/catch.h"

namespace dlog::daemon {
namespace {

// A directory with an executable script and whatever the test puts beside it.
class FakeWorker {
 public:
  explicit FakeWorker(const std::string& script) {
    char name[] = "/tmp/dlog-worker-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    directory_ = name;
    std::ofstream(path()) << "#!/bin/sh\ncd " << directory_ << "\nPATH=/bin:/usr/bin\n" << script << "\n";
    REQUIRE(chmod(path().c_str(), 0700) == 0);
  }
  ~FakeWorker() {
    for (const char* file : {"worker", "answer", "request"}) unlink((directory_ + "/" + file).c_str());
    rmdir(directory_.c_str());
  }
  std::string path() const { return directory_ + "/worker"; }
  std::string file(const std::string& name) const { return directory_ + "/" + name; }
  void WriteAnswer(const v1::SymbolizerResponse& response) const {
    std::ofstream(file("answer"), std::ios::binary) << response.SerializeAsString();
  }

 private:
  std::string directory_;
};

SymbolizerClient ClientOf(const FakeWorker& worker, int timeout_ms = 20000, uint64_t max_answer = 1 << 20) {
  SymbolizerOptions options;
  options.worker_path = worker.path();
  options.timeout_ms = timeout_ms;
  options.max_answer_bytes = max_answer;
  return SymbolizerClient(options);
}

v1::SymbolizerRequest SomeRequest() {
  v1::SymbolizerRequest request;
  request.mutable_spec()->set_location("order.cc:42");
  return request;
}

bool NoChildLeft() { return waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD; }

TEST_CASE("the request reaches the worker and its answer comes back") {
  FakeWorker worker("cat > request; cat answer");
  v1::SymbolizerResponse answer;
  answer.mutable_resolved()->set_line(42);
  worker.WriteAnswer(answer);

  auto response = ClientOf(worker).Run(SomeRequest());
  REQUIRE(response.ok());
  CHECK(response->resolved().line() == 42);

  std::ifstream in(worker.file("request"), std::ios::binary);
  v1::SymbolizerRequest seen;
  REQUIRE(seen.ParseFromIstream(&in));
  CHECK(seen.spec().location() == "order.cc:42");
}

TEST_CASE("a request larger than any pipe buffer is fed while the worker answers") {
  FakeWorker worker("cat > request; cat answer");
  v1::SymbolizerResponse answer;
  answer.mutable_resolved()->set_file(std::string(900000, 'a'));
  worker.WriteAnswer(answer);
  auto request = SomeRequest();
  request.set_root(std::string(3 << 20, 'r'));

  auto response = ClientOf(worker).Run(request);
  REQUIRE(response.ok());
  CHECK(response->resolved().file().size() == 900000);
}

TEST_CASE("a worker that does not read its request still gives its answer") {
  FakeWorker worker("cat answer");
  v1::SymbolizerResponse answer;
  answer.mutable_resolved()->set_line(1);
  worker.WriteAnswer(answer);
  auto request = SomeRequest();
  request.set_root(std::string(3 << 20, 'r'));  // cannot be delivered: sending it must not raise SIGPIPE
  auto response = ClientOf(worker).Run(request);
  REQUIRE(response.ok());
}

TEST_CASE("an error answer keeps code, message and hint") {
  FakeWorker worker("cat > /dev/null; cat answer");
  v1::SymbolizerResponse answer;
  answer.mutable_error()->set_code(static_cast<int>(absl::StatusCode::kNotFound));
  answer.mutable_error()->set_message("order.cc:42: no such file");
  answer.mutable_error()->set_hint("did you mean src/order.cc?");
  worker.WriteAnswer(answer);

  const auto status = ClientOf(worker).Run(SomeRequest()).status();
  CHECK(absl::IsNotFound(status));
  CHECK(status.message() == "order.cc:42: no such file");
  CHECK(HintOf(status) == "did you mean src/order.cc?");
  CHECK(SymbolizerFailureReason(status).empty());
}

TEST_CASE("an error answer with a code out of range is still an error") {
  FakeWorker worker("cat > /dev/null; cat answer");
  v1::SymbolizerResponse answer;
  answer.mutable_error()->set_code(0);
  answer.mutable_error()->set_message("boom");
  worker.WriteAnswer(answer);
  CHECK(absl::IsUnknown(ClientOf(worker).Run(SomeRequest()).status()));
}

TEST_CASE("a crash names the signal and what the worker said last") {
  FakeWorker worker("cat > /dev/null; echo first >&2; echo 'assertion x failed' >&2; kill -SEGV $$");
  const auto status = ClientOf(worker).Run(SomeRequest()).status();
  CHECK(absl::IsInternal(status));
  CHECK(std::string(status.message()).find("signal 11") != std::string::npos);
  CHECK(std::string(status.message()).find("assertion x failed") != std::string::npos);
  CHECK(SymbolizerFailureReason(status) == "crash");
  CHECK_FALSE(HintOf(status).empty());
  CHECK(NoChildLeft());
}

TEST_CASE("an exit status other than 0 is a crash even with an answer") {
  FakeWorker worker("cat > /dev/null; cat answer; exit 3");
  v1::SymbolizerResponse answer;
  answer.mutable_resolved()->set_line(42);
  worker.WriteAnswer(answer);
  const auto status = ClientOf(worker).Run(SomeRequest()).status();
  CHECK(std::string(status.message()).find("exit status 3") != std::string::npos);
  CHECK(SymbolizerFailureReason(status) == "crash");
}

TEST_CASE("a limit and the sandbox are told apart from a crash") {
  const auto [script, reason] = GENERATE(table<const char*, const char*>({
      {"exit 120", "limit"},
      {"kill -XCPU $$", "limit"},
      {"kill -XFSZ $$", "limit"},
      {"kill -KILL $$", "limit"},
      {"exit 121", "sandbox"},
      {"echo 'forbidden system call 41' >&2; exit 122", "sandbox"},
      {"kill -SYS $$", "sandbox"},
      {"kill -BUS $$", "crash"},
      {"exit 1", "crash"},
  }));
  FakeWorker worker(std::string("cat > /dev/null; ") + script);
  const auto status = ClientOf(worker).Run(SomeRequest()).status();
  INFO(script);
  CHECK(SymbolizerFailureReason(status) == reason);
  CHECK_FALSE(HintOf(status).empty());
  if (std::string(script).find("122") != std::string::npos) {
    CHECK(std::string(status.message()).find("killed by its sandbox (forbidden system call 41)") != std::string::npos);
  }
}

TEST_CASE("a worker that hangs is killed at the time limit and reaped") {
  FakeWorker worker("exec sleep 60");
  const auto begin = std::chrono::steady_clock::now();
  const auto status = ClientOf(worker, 200).Run(SomeRequest()).status();
  const auto took = std::chrono::steady_clock::now() - begin;
  CHECK(absl::IsDeadlineExceeded(status));
  CHECK(SymbolizerFailureReason(status) == "timeout");
  CHECK(took < std::chrono::seconds(10));
  CHECK(NoChildLeft());
}

TEST_CASE("a process left behind with the pipes open does not hold up the answer") {
  FakeWorker worker("cat > /dev/null; sleep 20 & cat answer");
  v1::SymbolizerResponse answer;
  answer.mutable_resolved()->set_line(42);
  worker.WriteAnswer(answer);
  const auto begin = std::chrono::steady_clock::now();
  auto response = ClientOf(worker).Run(SomeRequest());
  REQUIRE(response.ok());
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
}

TEST_CASE("garbage and silence are errors") {
  const char* script = GENERATE("cat > /dev/null; echo this is not a message", "cat > /dev/null");
  FakeWorker worker(script);
  const auto status = ClientOf(worker).Run(SomeRequest()).status();
  CHECK(absl::IsInternal(status));
  CHECK(SymbolizerFailureReason(status) == "garbage");
}

TEST_CASE("a worker that never stops writing is killed at the size limit") {
  FakeWorker worker("exec cat /dev/zero");
  const auto status = ClientOf(worker, 20000, 1 << 20).Run(SomeRequest()).status();
  CHECK(absl::IsResourceExhausted(status));
  CHECK(SymbolizerFailureReason(status) == "oversize");
  CHECK(NoChildLeft());
}

TEST_CASE("a worker that is not installed is named") {
  SymbolizerOptions options;
  options.worker_path = "/nonexistent/dlog-symbolizer";
  const auto status = SymbolizerClient(options).Run(SomeRequest()).status();
  CHECK(absl::IsNotFound(status));
  CHECK(std::string(status.message()).find("/nonexistent/dlog-symbolizer") != std::string::npos);
  CHECK(SymbolizerFailureReason(status) == "spawn");
}

TEST_CASE("a worker inherits no descriptor and no environment") {
  // fd 255 and the script itself belong to the shell; anything else above 2 leaked.
  FakeWorker worker("cat > /dev/null; ls /proc/self/fd | tr '\\n' ' ' >&2; echo \"env=$DLOG_LEAK\" >&2; exit 1");
  setenv("DLOG_LEAK", "leaked", 1);
  const int leaked = open("/dev/null", 0);
  REQUIRE(fcntl(leaked, F_DUPFD, 77) == 77);
  const auto status = ClientOf(worker).Run(SomeRequest()).status();
  close(77);
  close(leaked);
  CHECK(std::string(status.message()).find("77") == std::string::npos);
  CHECK(std::string(status.message()).find("env=)") != std::string::npos);
}

TEST_CASE("the address space limit is in force before the worker has its request") {
  FakeWorker worker("cat > /dev/null; ulimit -v >&2; exit 1");
  SymbolizerOptions options;
  options.worker_path = worker.path();
  options.address_space_bytes = 512 << 20;
  const auto status = SymbolizerClient(options).Run(SomeRequest()).status();
  CHECK(std::string(status.message()).find("524288") != std::string::npos);
}

}  // namespace
}  // namespace dlog::daemon
