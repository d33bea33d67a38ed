// SPDX-License-Identifier: Apache-2.0
#include "test/sites/tracee.h"

#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cinttypes>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <stdexcept>

namespace dlog::test {
namespace {

constexpr int kStepsPerTurn = 2000;
constexpr auto kBlockedAfter = std::chrono::milliseconds(20);
constexpr uint8_t kInt3 = 0xcc;

[[noreturn]] void Throw(const std::string& what) { throw std::runtime_error(what + ": " + std::strerror(errno)); }

}  // namespace

Tracee::Tracee(const std::vector<std::string>& argv) {
  pid_ = fork();
  if (pid_ < 0) Throw("fork");
  if (pid_ == 0) {
    std::vector<char*> arguments;
    arguments.reserve(argv.size() + 1);
    for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  int status = 0;
  if (waitpid(pid_, &status, 0) != pid_ || !WIFSTOPPED(status)) Throw("start " + argv[0]);
  const long options = PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL;
  if (ptrace(PTRACE_SETOPTIONS, pid_, nullptr, options) != 0) Throw("PTRACE_SETOPTIONS");
  threads_[pid_] = {};
}

Tracee::~Tracee() {
  kill(pid_, SIGKILL);
  while (waitpid(-1, nullptr, __WALL) > 0 || errno == EINTR) {
  }
}

bool Tracee::FindBias(const std::string& binary, uint64_t* bias) const {
  char resolved[PATH_MAX];
  if (realpath(binary.c_str(), resolved) == nullptr) return false;
  std::ifstream maps("/proc/" + std::to_string(pid_) + "/maps");
  for (std::string line; std::getline(maps, line);) {
    uint64_t start, offset;
    int path = 0;
    if (sscanf(line.c_str(), "%" SCNx64 "-%*x %*s %" SCNx64 " %*s %*s %n", &start, &offset, &path) < 2) continue;
    if (offset != 0 || path == 0 || line.substr(static_cast<size_t>(path)) != resolved) continue;
    // A file that is not position-independent lies where it was linked to.
    std::ifstream file(resolved, std::ios::binary);
    char header[18] = {};
    file.read(header, sizeof(header));
    *bias = header[16] == 2 ? 0 : start;  // ET_EXEC
    return true;
  }
  return false;
}

MachineState Tracee::StateOf(pid_t thread, bool vectors) const {
  MachineState state;
  user_regs_struct r;
  if (ptrace(PTRACE_GETREGS, thread, nullptr, &r) != 0) Throw("PTRACE_GETREGS");
  state.registers = {r.rax, r.rdx, r.rcx, r.rbx, r.rsi, r.rdi, r.rbp, r.rsp, r.r8,
                     r.r9,  r.r10, r.r11, r.r12, r.r13, r.r14, r.r15, r.rip};
  if (vectors) {
    user_fpregs_struct f;
    if (ptrace(PTRACE_GETFPREGS, thread, nullptr, &f) != 0) Throw("PTRACE_GETFPREGS");
    std::memcpy(state.vectors.data(), f.xmm_space, sizeof(state.vectors));
  }
  return state;
}

// Takes in what has happened to a thread.
void Tracee::Note(pid_t thread, int status) {
  if (WIFEXITED(status) || WIFSIGNALED(status)) {
    threads_.erase(thread);
    return;
  }
  Thread& entry = threads_[thread];
  entry.running = false;
  const int signal = WSTOPSIG(status);
  if (signal == SIGTRAP && status >> 16 == PTRACE_EVENT_CLONE) {
    unsigned long child = 0;
    ptrace(PTRACE_GETEVENTMSG, thread, nullptr, &child);
    threads_.try_emplace(static_cast<pid_t>(child)).first->second.running = true;  // its first stop is to come
  }
  // New threads begin with SIGSTOP; a step ends with SIGTRAP.
  entry.signal = signal == SIGTRAP || signal == SIGSTOP ? 0 : signal;
}

// False when there is nothing yet.
bool Tracee::Wait(pid_t thread, int flags) {
  int status = 0;
  const pid_t got = waitpid(thread, &status, __WALL | flags);
  if (got <= 0) return false;
  Note(got, status);
  return true;
}

// False when the thread has ended or waits in the kernel.
bool Tracee::StepOnce(pid_t thread) {
  Thread& entry = threads_.at(thread);
  if (ptrace(PTRACE_SINGLESTEP, thread, nullptr, entry.signal) != 0) {
    threads_.erase(thread);
    return false;
  }
  entry.running = true;
  if (threads_.size() == 1) {
    Wait(thread, 0);
  } else {
    const auto deadline = std::chrono::steady_clock::now() + kBlockedAfter;
    while (!Wait(thread, WNOHANG) && std::chrono::steady_clock::now() < deadline) {
    }
  }
  const auto found = threads_.find(thread);
  return found != threads_.end() && !found->second.running;
}

pid_t Tracee::NextReady(pid_t after) {
  while (!threads_.empty()) {
    while (Wait(-1, WNOHANG)) {
    }
    auto candidate = threads_.upper_bound(after);
    for (size_t i = 0; i < threads_.size(); ++i, ++candidate) {
      if (candidate == threads_.end()) candidate = threads_.begin();
      if (!candidate->second.running) return candidate->first;
    }
    if (!threads_.empty()) Wait(-1, 0);
  }
  return -1;
}

uint64_t Tracee::Step(uint64_t max_steps, const std::function<bool(pid_t thread, uint64_t address)>& at,
                      const std::function<bool()>& stop) {
  uint64_t steps = 0;
  pid_t thread = 0;
  while (steps < max_steps && !stop()) {
    thread = NextReady(thread);
    if (thread < 0) break;
    bool exclusive = true;
    for (int turn = 0; turn < kStepsPerTurn || exclusive; ++turn, ++steps) {
      errno = 0;
      const long rip = ptrace(PTRACE_PEEKUSER, thread, offsetof(user_regs_struct, rip), nullptr);
      if (errno != 0) break;
      exclusive = at(thread, static_cast<uint64_t>(rip));
      if (!StepOnce(thread)) break;
    }
  }
  return steps;
}

long Tracee::PeekText(uint64_t address) const {
  errno = 0;
  const long word = ptrace(PTRACE_PEEKTEXT, pid_, address, nullptr);
  if (errno != 0) Throw("PTRACE_PEEKTEXT");
  return word;
}

void Tracee::PokeText(uint64_t address, long word) const {
  if (ptrace(PTRACE_POKETEXT, pid_, address, word) != 0) Throw("PTRACE_POKETEXT");
}

void Tracee::RunThrough(const std::vector<uint64_t>& addresses,
                        const std::function<void(pid_t thread, uint64_t address)>& at,
                        const std::function<bool()>& stop) {
  std::map<uint64_t, long> originals;
  const auto insert = [&](uint64_t address) { PokeText(address, (PeekText(address) & ~0xffL) | kInt3); };
  const auto restore = [&](uint64_t address) {
    PokeText(address, (PeekText(address) & ~0xffL) | originals.at(address));
  };
  for (const uint64_t address : addresses) originals.emplace(address, PeekText(address) & 0xff);
  for (const auto& [address, byte] : originals) insert(address);
  while (threads_.size() == 1 && !stop()) {
    ptrace(PTRACE_CONT, pid_, nullptr, threads_.at(pid_).signal);
    threads_.at(pid_).running = true;
    Wait(pid_, 0);
    if (threads_.size() != 1) break;
    user_regs_struct r;
    if (ptrace(PTRACE_GETREGS, pid_, nullptr, &r) != 0) Throw("PTRACE_GETREGS");
    if (originals.count(r.rip - 1) == 0 || threads_.at(pid_).signal != 0) continue;
    --r.rip;
    if (ptrace(PTRACE_SETREGS, pid_, nullptr, &r) != 0) Throw("PTRACE_SETREGS");
    at(pid_, r.rip);
    restore(r.rip);
    if (!StepOnce(pid_)) break;
    insert(r.rip);
  }
  if (threads_.empty()) return;
  for (const auto& [address, byte] : originals) restore(address);
}

}  // namespace dlog::test
