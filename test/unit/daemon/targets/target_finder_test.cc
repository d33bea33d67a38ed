// SPDX-License-Identifier: Apache-2.0
//
// Against real processes: copies of /bin/sleep under names of the test's own.
#include "daemon/targets/target_finder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include "daemon/targets/process.h"
#include "symbolizer/base/status_hint.h"
#include "test/catch.h"

namespace dlog::daemon {
namespace {

namespace fs = std::filesystem;

class Directory {
 public:
  Directory() {
    char name[] = "/tmp/dlog-target-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    path_ = name;
  }
  ~Directory() { fs::remove_all(path_); }
  std::string Path(const std::string& name) const { return path_ + "/" + name; }
  std::string CopySleep(const std::string& name) const {
    std::string path = path_ + "/" + name;
    fs::copy_file(fs::canonical("/bin/sleep"), path);
    return path;
  }

 private:
  std::string path_;
};

v1::Target ByPid(int32_t pid) {
  v1::Target target;
  target.set_pid(pid);
  return target;
}

// Runs `program 60` until destruction.
class Running {
 public:
  explicit Running(const std::string& program) {
    pid_ = fork();
    if (pid_ == 0) {
      execl(program.c_str(), program.c_str(), "60", nullptr);
      _exit(127);
    }
    // Until exec it is a copy of this test, and then the kernel maps the program a moment later than it names it.
    for (int i = 0; i < 5000; ++i) {
      auto found = TargetFinder().Find(ByPid(pid_));
      if (found.ok() && found->modules[0].display_path == fs::canonical(program)) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    FAIL("the program did not start");
  }
  ~Running() {
    kill(pid_, SIGKILL);
    if (!reaped_) waitpid(pid_, nullptr, 0);
  }
  // Ends the process but leaves the zombie.
  void End() {
    kill(pid_, SIGKILL);
    siginfo_t info;
    REQUIRE(waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) == 0);
  }
  void Reap() {
    waitpid(pid_, nullptr, 0);
    reaped_ = true;
  }
  int32_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  bool reaped_ = false;
};

v1::Target ByComm(const std::string& comm) {
  v1::Target target;
  target.add_selectors("comm:" + comm);
  return target;
}

TEST_CASE("a process gives its program first and then its libraries") {
  Directory directory;
  const std::string program = directory.CopySleep("dlogt-a");
  Running process(program);
  // ld.so maps the C library shortly after exec.
  auto found = TargetFinder().Find(ByPid(process.pid()));
  for (int i = 0; i < 2000 && found.ok() && found->modules.size() < 3; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    found = TargetFinder().Find(ByPid(process.pid()));
  }
  REQUIRE(found.ok());
  CHECK(found->pid == process.pid());
  CHECK(found->root == fmt::format("/proc/{}/root", process.pid()));
  REQUIRE(found->modules.size() >= 2);
  CHECK(found->modules[0].display_path == program);
  CHECK(found->modules[0].open_path == fmt::format("/proc/{}/root{}", process.pid(), program));
  CHECK(fs::equivalent(found->modules[0].open_path, program));
}

TEST_CASE("a program replaced on disk is opened as the process has it") {
  Directory directory;
  const std::string program = directory.CopySleep("dlogt-b");
  const auto size = fs::file_size(program);
  Running process(program);
  fs::remove(program);
  SECTION("deleted") {}
  SECTION("replaced by another file of the same name") { fs::copy_file(fs::canonical("/bin/sh"), program); }
  auto found = TargetFinder().Find(ByPid(process.pid()));
  REQUIRE(found.ok());
  CHECK(found->modules[0].display_path == program);
  CHECK(found->modules[0].open_path.find("/map_files/") != std::string::npos);
  CHECK(fs::file_size(found->modules[0].open_path) == size);
}

TEST_CASE("processes that cannot be probed are refused with the reason and a hint") {
  const TargetFinder finder;
  Directory directory;
  Running process(directory.CopySleep("dlogt-c"));
  process.End();
  const auto zombie = finder.Find(ByPid(process.pid())).status();
  CHECK(absl::IsFailedPrecondition(zombie));
  CHECK(std::string(zombie.message()).find("has exited") != std::string::npos);
  CHECK_FALSE(HintOf(zombie).empty());
  process.Reap();
  const auto gone = finder.Find(ByPid(process.pid())).status();
  CHECK(absl::IsNotFound(gone));
  CHECK_FALSE(HintOf(gone).empty());

  CHECK(absl::IsFailedPrecondition(finder.Find(ByPid(getpid())).status()));
  CHECK(absl::IsInvalidArgument(finder.Find(ByPid(-1)).status()));
  CHECK(absl::IsInvalidArgument(finder.Find(v1::Target()).status()));
}

TEST_CASE("a process whose first thread has ended is found through another one") {
  int ready[2];
  REQUIRE(pipe(ready) == 0);
  const pid_t pid = fork();
  if (pid == 0) {
    std::thread([&] {
      if (write(ready[1], "x", 1) == 1) pause();
    }).detach();
    syscall(SYS_exit, 0);  // this thread only
  }
  char byte;
  REQUIRE(read(ready[0], &byte, 1) == 1);
  absl::StatusOr<ProcessStat> stat = ReadProcessStat("/proc", pid);
  for (int i = 0; i < 1000 && stat.ok() && stat->view == pid; ++i) {
    usleep(1000);
    stat = ReadProcessStat("/proc", pid);
  }
  REQUIRE(stat.ok());
  CHECK(stat->view != pid);
  CHECK_FALSE(stat->ended());
  v1::Target target;
  target.set_pid(pid);
  const TargetFinder finder;
  const auto found = finder.Find(target);
  INFO(found.status().ToString());
  REQUIRE(found.ok());
  CHECK(found->leader_exited);
  CHECK(found->pid == pid);
  REQUIRE_FALSE(found->modules.empty());
  CHECK(access(found->modules.front().open_path.c_str(), R_OK) == 0);
  CHECK_FALSE(finder.Fingerprint(target).empty());
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  close(ready[0]);
  close(ready[1]);
}

TEST_CASE("the id of a thread names its process in the hint") {
  std::atomic<int32_t> tid{0};
  std::atomic<bool> stop{false};
  std::thread thread([&] {
    tid = static_cast<int32_t>(syscall(SYS_gettid));
    while (!stop) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  });
  while (tid == 0) std::this_thread::yield();
  const auto status = TargetFinder().Find(ByPid(tid)).status();
  stop = true;
  thread.join();
  CHECK(absl::IsInvalidArgument(status));
  CHECK(HintOf(status) == fmt::format("use -p {}", getpid()));
}

TEST_CASE("a file is a target by itself") {
  Directory directory;
  const std::string program = directory.CopySleep("dlogt-d");
  v1::Target target;
  target.set_exe_path(program);
  auto idle = TargetFinder().Find(target);
  REQUIRE(idle.ok());
  CHECK(idle->pid == 0);
  CHECK(idle->root == "/");
  REQUIRE(idle->modules.size() == 1);
  CHECK(idle->modules[0].open_path == program);
  REQUIRE(idle->warnings.size() == 1);
  CHECK(idle->warnings[0].find("no running process") != std::string::npos);

  Running process(program);
  auto busy = TargetFinder().Find(target);
  REQUIRE(busy.ok());
  CHECK(busy->warnings.empty());

  target.set_exe_path("/nonexistent/program");
  CHECK(absl::IsNotFound(TargetFinder().Find(target).status()));
  target.set_exe_path("/tmp");
  CHECK(absl::IsInvalidArgument(TargetFinder().Find(target).status()));
  target.set_exe_path("relative");
  CHECK(absl::IsInvalidArgument(TargetFinder().Find(target).status()));
}

TEST_CASE("a name stands for one process, for one program, or for nothing") {
  Directory one, two;
  const TargetFinder finder;
  CHECK(absl::IsNotFound(finder.Find(ByComm("dlogt-e")).status()));

  const std::string program = one.CopySleep("dlogt-e");
  Running first(program);
  auto single = finder.Find(ByComm("dlogt-e"));
  REQUIRE(single.ok());
  CHECK(single->pid == first.pid());

  Running second(program);
  auto several = finder.Find(ByComm("dlogt-e"));
  REQUIRE(several.ok());
  CHECK(several->pid == 0);
  REQUIRE(several->modules.size() == 1);
  CHECK(several->modules[0].display_path == program);
  CHECK(fs::equivalent(several->modules[0].open_path, program));

  Running other(two.CopySleep("dlogt-e"));
  const auto ambiguous = finder.Find(ByComm("dlogt-e")).status();
  CHECK(absl::IsFailedPrecondition(ambiguous));
  CHECK(std::string(ambiguous.message()).find(std::to_string(other.pid())) != std::string::npos);
}

TEST_CASE("several target options must all match") {
  Directory directory;
  const std::string program = directory.CopySleep("dlogt-f");
  Running process(program);
  auto target = ByPid(process.pid());
  target.set_exe_path(program);
  target.add_selectors("comm:dlogt-f");
  auto found = TargetFinder().Find(target);
  REQUIRE(found.ok());
  CHECK(found->pid == process.pid());
  CHECK(found->modules.size() == 1);

  target.set_exe_path("/usr/lib/other.so");
  CHECK(absl::IsNotFound(TargetFinder().Find(target).status()));
  target = ByPid(process.pid());
  target.add_selectors("comm:other");
  CHECK(absl::IsNotFound(TargetFinder().Find(target).status()));
}

// A /proc with one process, whose cgroup is what the test says.
std::string ProcWithCgroup(const Directory& directory, int32_t pid, const std::string& cgroup) {
  const fs::path proc = directory.Path("proc");
  const fs::path process = proc / std::to_string(pid);
  fs::create_directories(process);
  fs::create_symlink(fs::read_symlink(fmt::format("/proc/{}/exe", pid)), process / "exe");
  for (const char* name : {"stat", "status", "maps", "map_files", "root"}) {
    fs::create_symlink(fmt::format("/proc/{}/{}", pid, name), process / name);
  }
  std::ofstream(process / "cgroup") << cgroup;
  return proc;
}

TEST_CASE("a unit is a directory of the process's cgroup") {
  Directory directory;
  Running process(directory.CopySleep("dlogt-u"));
  const TargetFinder finder(
      ProcWithCgroup(directory, process.pid(), "1:name=systemd:/\n0::/system.slice/shopd.service/payload\n"));
  v1::Target target;
  target.add_selectors("unit:shopd.service");
  auto found = finder.Find(target);
  REQUIRE(found.ok());
  CHECK(found->pid == process.pid());
  CHECK(found->whole_program);
  for (const char* unit : {"unit:hopd.service", "unit:shopd", "unit:payload.service", "unit:shopd.service/payload"}) {
    INFO(unit);
    target.set_selectors(0, unit);
    CHECK_FALSE(finder.Find(target).ok());
  }
  target.set_selectors(0, "unit:shopd.service");
  target.add_selectors("comm:dlogt-u");
  CHECK(finder.Find(target).ok());
  target.set_selectors(1, "comm:other");
  CHECK(std::string(finder.Find(target).status().message()) ==
        "no process is of unit shopd.service and is named other");
}

TEST_CASE("a program that others run too is not covered as a whole") {
  Directory directory;
  const std::string program = directory.CopySleep("dlogt-w");
  fs::create_symlink(program, directory.Path("dlogt-x"));
  Running process(program);
  CHECK(TargetFinder().Find(ByComm("dlogt-w"))->whole_program);
  Running other(directory.Path("dlogt-x"));  // the same file under another name
  auto found = TargetFinder().Find(ByComm("dlogt-w"));
  REQUIRE(found.ok());
  CHECK_FALSE(found->whole_program);
  CHECK(found->pid == process.pid());
}

TEST_CASE("a fingerprint changes with the target and with nothing else") {
  Directory directory;
  const std::string program = directory.CopySleep("dlogt-p");
  const TargetFinder finder;
  v1::Target file;
  file.set_exe_path(program);
  const std::string before = finder.Fingerprint(file);
  CHECK(!before.empty());
  CHECK(finder.Fingerprint(ByComm("dlogt-p")).empty());
  {
    Running process(program);
    const std::string by_name = finder.Fingerprint(ByComm("dlogt-p"));
    CHECK(!by_name.empty());
    CHECK(finder.Fingerprint(ByPid(process.pid())) == finder.Fingerprint(ByPid(process.pid())));
    CHECK(finder.Fingerprint(ByPid(process.pid())) != finder.Fingerprint(ByPid(getpid())));
    Running second(program);
    CHECK(finder.Fingerprint(ByComm("dlogt-p")) == by_name);  // more of the same program is nothing new
    process.End();
    CHECK(finder.Fingerprint(ByPid(process.pid())).empty());
  }
  CHECK(finder.Fingerprint(file) == before);
  fs::copy_file(program, program + ".new");
  fs::rename(program + ".new", program);
  CHECK(finder.Fingerprint(file) != before);
  fs::remove(program);
  CHECK(finder.Fingerprint(file).empty());
}

TEST_CASE("a process that is ending, and has no program any more, is no other target") {
  Directory directory;
  const fs::path proc = directory.Path("proc");
  fs::create_directories(proc / "7");
  std::ofstream(proc / "7" / "stat") << "7 (ending) R 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4242 0 0\n";
  std::ofstream(proc / "7" / "status") << "Name:\tending\nTgid:\t7\n";
  fs::create_symlink("/proc/self/exe", proc / "7" / "exe");
  const TargetFinder finder(proc.string());
  CHECK_FALSE(finder.Fingerprint(ByPid(7)).empty());
  fs::remove(proc / "7" / "exe");
  CHECK(finder.Fingerprint(ByPid(7)).empty());
}

TEST_CASE("selectors of later versions say so") {
  v1::Target target;
  target.add_selectors("container:abc");
  const auto status = TargetFinder().Find(target).status();
  CHECK(absl::IsUnimplemented(status));
  CHECK(std::string(status.message()).find("container:abc") != std::string::npos);
}

TEST_CASE("a process handle sees the end, reaped or not") {
  Directory directory;
  Running process(directory.CopySleep("dlogt-g"));
  auto handle = ProcessHandle::Open(process.pid());
  REQUIRE(handle.ok());
  CHECK_FALSE(handle->exited());
  process.End();
  CHECK(handle->exited());
  process.Reap();
  CHECK(handle->exited());
  CHECK(absl::IsNotFound(ProcessHandle::Open(process.pid()).status()));
}

TEST_CASE("a process name with spaces and parentheses is read right") {
  const pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_NAME, "a) R (b");
    while (true) pause();
  }
  absl::StatusOr<ProcessStat> stat = ReadProcessStat("/proc", pid);
  for (int i = 0; i < 2000 && stat.ok() && (stat->comm != "a) R (b" || stat->state != 'S'); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    stat = ReadProcessStat("/proc", pid);
  }
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  REQUIRE(stat.ok());
  CHECK(stat->comm == "a) R (b");
  CHECK(stat->state == 'S');
  CHECK(stat->tgid == pid);
  CHECK(stat->start_ticks > 0);
}

}  // namespace
}  // namespace dlog::daemon
