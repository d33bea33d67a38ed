// SPDX-License-Identifier: Apache-2.0
//
// What the build machine's libbpf (1.1) and kernel headers do not know yet: uprobe_multi links, asked for through
// bpf(2).
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "symbolizer/base/unique_fd.h"

namespace dlog::attach {

// enum bpf_attach_type of include/uapi/linux/bpf.h, Linux 6.6.
inline constexpr uint32_t kAttachTraceUprobeMulti = 48;

struct UprobeMultiLink {
  int program_fd = -1;
  std::string path;                   // resolved by the kernel, links followed
  std::span<const uint64_t> offsets;  // in the file
  std::span<const uint64_t> cookies;  // parallel to offsets
  uint32_t pid = 0;                   // 0 = every process
};

// Creates the link; closing it detaches. Invalid and errno set on failure.
UniqueFd CreateUprobeMultiLink(const UprobeMultiLink& link);

}  // namespace dlog::attach
