// SPDX-License-Identifier: Apache-2.0
//
// The third BPF program, which also records vector registers (bpf/logpoint.bpf.c says how), and the threads that it
// needs: one per processor, which does nothing but wake up.
#pragma once

#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/attach/program_loader.h"
#include "daemon/attach/ring_consumer.h"
#include "symbolizer/base/unique_fd.h"

namespace dlog::attach {

class VectorCapture {
 public:
  // Loads the program on the maps of `main`, which must outlive this, and starts the threads. FailedPrecondition when
  // the kernel lacks something, or `main` is not sleepable.
  static absl::StatusOr<std::unique_ptr<VectorCapture>> Create(const LoadedProgram& main);
  ~VectorCapture();
  VectorCapture(const VectorCapture&) = delete;
  VectorCapture& operator=(const VectorCapture&) = delete;

  int program_fd() const { return program_fd_; }
  // Every thread has real-time priority. Without it some hits record no vector registers.
  bool real_time() const { return real_time_; }

 private:
  VectorCapture() = default;
  absl::Status StartThreads(int kicks_fd, uint32_t cpus);

  SkeletonPtr skeleton_;
  int program_fd_ = -1;
  bool real_time_ = true;
  UniqueFd stop_;  // readable: the threads end
  std::vector<UniqueFd> rings_;
  std::vector<std::unique_ptr<RingConsumer>> consumers_;
  std::vector<std::thread> threads_;
};

}  // namespace dlog::attach
