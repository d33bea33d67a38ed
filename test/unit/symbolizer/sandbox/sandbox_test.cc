// SPDX-License-Identifier: Apache-2.0
//
// What a process can still do in the sandbox. Each attempt runs in a child of its own.
#include "symbolizer/sandbox/sandbox_linux.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <thread>

#include "symbolizer/sandbox/exit_status.h"
#include "symbolizer/sandbox/sanitizer_build.h"
#include "test/catch.h"

namespace dlog::sandbox {
namespace {

constexpr int kNotEntered = 99;
constexpr int kDone = 42;
constexpr uid_t kNobody = 65534;

class Scratch {
 public:
  Scratch() {
    char name[] = "/tmp/dlog-sandbox-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    path_ = name;
    if (geteuid() == 0) REQUIRE(chown(name, kNobody, kNobody) == 0);
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }
  UniqueFd Open() const { return UniqueFd(open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)); }

 private:
  std::string path_;
};

SandboxOptions OptionsFor(const Scratch& scratch) {
  SandboxOptions options;
  options.scratch = scratch.Open();
  if (geteuid() == 0) options.account = Account{kNobody, kNobody};
  return options;
}

// Forks; the child enters the sandbox and ends with the status that `attempt` returns.
pid_t Start(SandboxOptions options, const std::function<int()>& attempt) {
  const pid_t pid = fork();
  REQUIRE(pid >= 0);
  if (pid != 0) return pid;
  for (const int signal : {SIGABRT, SIGSEGV, SIGTERM}) ::signal(signal, SIG_DFL);  // not the test framework's
  auto layers = EnterSandbox(std::move(options));
  if (!layers.ok()) {
    std::fprintf(stderr, "%s\n", std::string(layers.status().message()).c_str());
    _exit(kNotEntered);
  }
  _exit(attempt());
}

int WaitFor(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

int StatusOf(const Scratch& scratch, const std::function<int()>& attempt) {
  const int status = WaitFor(Start(OptionsFor(scratch), attempt));
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

// The lines of /proc/PID/status.
std::map<std::string, std::string> StatusLines(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/status");
  std::map<std::string, std::string> out;
  for (std::string line; std::getline(in, line);) {
    const size_t colon = line.find(":\t");
    if (colon != std::string::npos) out[line.substr(0, colon)] = line.substr(colon + 2);
  }
  return out;
}

TEST_CASE("a sandboxed process has no capability, another user, no groups, and a filter") {
  Scratch scratch;
  int ready[2];
  REQUIRE(pipe(ready) == 0);
  const pid_t pid = Start(OptionsFor(scratch), [&] {
    char byte = 'r';
    if (write(ready[1], &byte, 1) != 1) return 1;
    for (;;) std::this_thread::sleep_for(std::chrono::seconds(1));
    return 0;
  });
  char byte = 0;
  pollfd wait = {ready[0], POLLIN, 0};
  REQUIRE(poll(&wait, 1, 20000) == 1);
  REQUIRE(read(ready[0], &byte, 1) == 1);
  auto lines = StatusLines(pid);
  kill(pid, SIGKILL);
  WaitFor(pid);
  close(ready[0]);
  close(ready[1]);
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"}) {
    INFO(set);
    CHECK(lines[set] == "0000000000000000");
  }
  CHECK(lines["NoNewPrivs"] == "1");
  CHECK(lines["Seccomp"] == (kSanitizerBuild ? "0" : "2"));
  if (geteuid() == 0) {
    CHECK(lines["CapBnd"] == "0000000000000000");
    CHECK(lines["Uid"] == "65534\t65534\t65534\t65534");
    CHECK(lines["Gid"] == "65534\t65534\t65534\t65534");
    CHECK(lines["Groups"].find_first_not_of(' ') == std::string::npos);
  }
}

TEST_CASE("no system file can be opened by path, whatever its mode") {
  Scratch scratch;
  const std::string path = GENERATE("/etc/shadow", "/etc/passwd", "../../etc/passwd", "/proc/self/status", "/dev/null");
  CHECK(StatusOf(scratch, [&] { return open(path.c_str(), O_RDONLY) < 0 ? kDone : 1; }) == kDone);
}

TEST_CASE("a process that cannot change its user sees no system file either") {
  Scratch scratch;
  if (geteuid() != 0) return;  // the other cases show it already
  REQUIRE(chown(scratch.path().c_str(), 1000, 1000) == 0);
  const pid_t pid = fork();
  if (pid == 0) {
    SandboxOptions options;
    options.scratch = scratch.Open();
    if (setresgid(1000, 1000, 1000) != 0 || setresuid(1000, 1000, 1000) != 0) _exit(1);
    auto layers = EnterSandbox(std::move(options));
    if (!layers.ok()) _exit(kNotEntered);
    if (!layers->root_changed && layers->landlock_version == 0) _exit(kDone);  // this kernel offers neither
    _exit(open("/etc/passwd", O_RDONLY) < 0 && open("file", O_CREAT | O_RDWR, 0600) >= 0 ? kDone : 1);
  }
  const int status = WaitFor(pid);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == kDone);
}

TEST_CASE("the scratch directory can be written, and renamed in, and listed") {
  Scratch scratch;
  CHECK(StatusOf(scratch, [] {
          std::string name = "./file.XXXXXX";
          const int fd = mkostemp(name.data(), O_CLOEXEC);
          if (fd < 0 || pwrite(fd, "x", 1, 0) != 1 || rename(name.c_str(), "./file") != 0) return 1;
          std::error_code error;
          std::filesystem::directory_iterator listing(".", error);
          if (error || listing == std::filesystem::directory_iterator()) return 2;
          return unlink("./file") == 0 ? kDone : 3;
        }) == kDone);
}

TEST_CASE("threads, memory and abort work") {
  Scratch scratch;
  CHECK(StatusOf(scratch, [] {
          int sum = 0;
          std::thread thread([&] { sum = static_cast<int>(std::string(1 << 20, 'x').size()); });
          thread.join();
          return sum == 1 << 20 ? kDone : 1;
        }) == kDone);
  CHECK(StatusOf(scratch, []() -> int { abort(); }) == -SIGABRT);
}

#ifndef DLOG_SANITIZER_BUILD
TEST_CASE("processes, programs, sockets, signals, tracing and code pages end it") {
  Scratch scratch;
  const pid_t parent = getpid();
  const std::pair<const char*, std::function<long()>> attempts[] = {
      {"fork", [] { return syscall(SYS_fork); }},  // libc blocks the signal that names the call meanwhile
      {"vfork", [] { return syscall(SYS_vfork); }},
      {"execve", [] { return static_cast<long>(execl("/bin/true", "true", nullptr)); }},
      {"socket", [] { return static_cast<long>(socket(AF_INET, SOCK_STREAM, 0)); }},
      {"unix socket", [] { return static_cast<long>(socket(AF_UNIX, SOCK_STREAM, 0)); }},
      {"kill", [&] { return static_cast<long>(kill(parent, 0)); }},
      {"ptrace", [] { return syscall(SYS_ptrace, 0, 0, 0, 0); }},
      {"bpf", [] { return syscall(SYS_bpf, 0, 0, 0); }},
      {"io_uring", [] { return syscall(SYS_io_uring_setup, 1, nullptr); }},
      {"chroot", [] { return static_cast<long>(chroot(".")); }},
      {"setuid", [] { return static_cast<long>(setuid(0)); }},
      {"mount", [] { return syscall(SYS_mount, nullptr, nullptr, nullptr, 0, nullptr); }},
      {"executable mapping",
       [] {
         return mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1L : 0L;
       }},
      {"another filter handler", [] { return ::signal(SIGSYS, SIG_IGN) == SIG_ERR ? -1L : 0L; }},
      {"limits", [] {
         const rlimit limit = {1, 1};
         return syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &limit, nullptr);
       }}};
  for (const auto& [name, attempt] : attempts) {
    INFO(name);
    const auto& run = attempt;
    CHECK(StatusOf(scratch, [&] {
            run();
            return kDone;
          }) == kExitForbiddenCall);
  }
}

TEST_CASE("memory beyond the limit is not given") {
  Scratch scratch;
  SandboxOptions options = OptionsFor(scratch);
  options.limits.memory_bytes = 64 << 20;
  const int status = WaitFor(Start(std::move(options), [] {
    void* const memory = mmap(nullptr, 128 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED && errno == ENOMEM ? kDone : 1;
  }));
  CHECK(WEXITSTATUS(status) == kDone);
}
#endif

TEST_CASE("a file beyond the limit ends it") {
  Scratch scratch;
  SandboxOptions options = OptionsFor(scratch);
  options.limits.file_bytes = 4096;
  const int status = WaitFor(Start(std::move(options), [] {
    const int fd = open("big", O_CREAT | O_RDWR, 0600);
    return pwrite(fd, "x", 1, 8192) == 1 ? 1 : 2;
  }));
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGXFSZ);
}

TEST_CASE("it dies with its parent") {
  Scratch scratch;
  int alive[2];
  REQUIRE(pipe(alive) == 0);
  const pid_t middle = fork();
  if (middle == 0) {
    close(alive[0]);
    Start(OptionsFor(scratch), [&] {
      char byte = 'r';
      if (write(alive[1], &byte, 1) != 1) return 1;
      for (;;) std::this_thread::sleep_for(std::chrono::seconds(1));
      return 0;
    });
    close(alive[1]);
    for (;;) pause();
  }
  close(alive[1]);
  char byte = 0;
  pollfd wait = {alive[0], POLLIN, 0};
  REQUIRE(poll(&wait, 1, 20000) == 1);
  REQUIRE(read(alive[0], &byte, 1) == 1);
  kill(middle, SIGKILL);
  WaitFor(middle);
  REQUIRE(poll(&wait, 1, 20000) == 1);  // its end of the pipe closes when it is gone
  CHECK(read(alive[0], &byte, 1) == 0);
  close(alive[0]);
}

}  // namespace
}  // namespace dlog::sandbox
