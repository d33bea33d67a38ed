// SPDX-License-Identifier: Apache-2.0
//
// The project's BPF object, loaded into the kernel.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "daemon/attach/uprobe_links.h"

struct logpoint_bpf;

namespace dlog::attach {

struct SkeletonDeleter {
  void operator()(logpoint_bpf* skeleton) const;
};
using SkeletonPtr = std::unique_ptr<logpoint_bpf, SkeletonDeleter>;

struct LoadedProgram {
  SkeletonPtr skeleton;  // owns maps and programs
  int program_fd = -1;   // the program to attach; owned by the skeleton
  uint32_t cpus = 0;
  uint64_t ring_bytes = 0;
  bool sleepable = false;
  Backend backend = Backend::kUprobeMulti;
};

// Loads the sleepable program, or the plain one when `sleepable` is false or the kernel takes no sleepable uprobe
// program. `ring_bytes` is rounded up to a power of two within [kMinRingBytes, kMaxRingBytes]. Errors as LoadError() of
// bpf_errors.h.
absl::StatusOr<LoadedProgram> LoadProgram(uint64_t ring_bytes, bool sleepable, Backend backend);

inline constexpr uint64_t kMinRingBytes = 64 << 10;
inline constexpr uint64_t kMaxRingBytes = 1 << 30;

}  // namespace dlog::attach
