// SPDX-License-Identifier: Apache-2.0
//
// One BPF program on many places of one file, through either of the two ways that kernels offer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "symbolizer/base/unique_fd.h"

namespace dlog::attach {

// How probes are attached. A program must be loaded for the one that it is used with (ExpectedAttachType).
enum class Backend {
  kUprobeMulti,  // one link for all sites; Linux 6.6
  kPerfEvents,   // one perf event and link per site; Linux 5.15, slow to detach
};

const char* BackendName(Backend backend);  // "uprobe_multi", "perf", as in the configuration

std::optional<Backend> BackendByName(std::string_view name);

// enum bpf_attach_type to load a program with.
uint32_t ExpectedAttachType(Backend backend);

struct LinkOrder {
  Backend backend = Backend::kUprobeMulti;
  int program_fd = -1;
  std::string path;                   // resolved by the kernel, links followed
  std::span<const uint64_t> offsets;  // in the file
  std::span<const uint64_t> cookies;  // parallel to offsets
  uint32_t pid = 0;                   // 0 = every process
};

struct LinkResult {
  std::vector<UniqueFd> links;  // closing them detaches; empty when `error` is set
  std::vector<size_t>
      refused;      // ascending positions in order.offsets of instructions that the kernel takes no probe on
  int refusal = 0;  // errno of the last of them
  int error = 0;    // errno; 0 = all but `refused` are attached, at least one. When all are refused, `refusal`
};

// The kernel refuses a whole uprobe_multi link for one bad instruction; the others then get several links.
LinkResult CreateLinks(const LinkOrder& order);

}  // namespace dlog::attach
