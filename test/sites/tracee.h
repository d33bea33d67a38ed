// SPDX-License-Identifier: Apache-2.0
//
// A program executed instruction by instruction.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "test/sites/plan_runner.h"

namespace dlog::test {

// Ended and reaped on destruction. Failures of ptrace throw std::runtime_error: the check ends.
class Tracee {
 public:
  // Starts `argv` and stops it before its first instruction.
  explicit Tracee(const std::vector<std::string>& argv);
  ~Tracee();
  Tracee(const Tracee&) = delete;
  Tracee& operator=(const Tracee&) = delete;

  pid_t pid() const { return pid_; }
  // Difference between run-time and link-time addresses of `binary`, once it is mapped; false before.
  bool FindBias(const std::string& binary, uint64_t* bias) const;
  MachineState StateOf(pid_t thread, bool vectors) const;

  // Steps all threads, one at a time, each for a while; `at` is called with the address of the instruction that the
  // thread is about to execute, and returns true while no other thread may run. Ends after `max_steps`, when `stop`
  // says so, or with the program. Returns the number of steps.
  uint64_t Step(uint64_t max_steps, const std::function<bool(pid_t thread, uint64_t address)>& at,
                const std::function<bool()>& stop);
  // While there is only one thread: lets it run from one of `addresses` to the next and calls `at` at each. Returns
  // when `stop` says so, the program has ended or has started another thread.
  void RunThrough(const std::vector<uint64_t>& addresses, const std::function<void(pid_t thread, uint64_t address)>& at,
                  const std::function<bool()>& stop);
  size_t threads() const { return threads_.size(); }

 private:
  struct Thread {
    int signal = 0;        // to deliver with the next step
    bool running = false;  // stepped and not yet seen again: waits in the kernel
  };
  bool StepOnce(pid_t thread);
  long PeekText(uint64_t address) const;
  void PokeText(uint64_t address, long word) const;
  bool Wait(pid_t thread, int flags);
  void Note(pid_t thread, int status);
  pid_t NextReady(pid_t after);

  pid_t pid_ = -1;
  std::map<pid_t, Thread> threads_;
};

}  // namespace dlog::test
