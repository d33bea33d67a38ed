// SPDX-License-Identifier: Apache-2.0
#include "daemon/attach/bpf_syscalls.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace dlog::attach {
namespace {

// union bpf_attr, link_create, as of Linux 6.6.
struct LinkCreateAttr {
  uint32_t prog_fd;
  uint32_t target_fd;
  uint32_t attach_type;
  uint32_t flags;
  struct {
    uint64_t path;
    uint64_t offsets;
    uint64_t ref_ctr_offsets;
    uint64_t cookies;
    uint32_t cnt;
    uint32_t flags;
    uint32_t pid;
    uint32_t reserved;
  } uprobe_multi;
};
static_assert(sizeof(LinkCreateAttr) == 64);

}  // namespace

UniqueFd CreateUprobeMultiLink(const UprobeMultiLink& link) {
  LinkCreateAttr attr = {};
  attr.prog_fd = static_cast<uint32_t>(link.program_fd);
  attr.attach_type = kAttachTraceUprobeMulti;
  attr.uprobe_multi.path = reinterpret_cast<uint64_t>(link.path.c_str());
  attr.uprobe_multi.offsets = reinterpret_cast<uint64_t>(link.offsets.data());
  attr.uprobe_multi.cookies = reinterpret_cast<uint64_t>(link.cookies.data());
  attr.uprobe_multi.cnt = static_cast<uint32_t>(link.offsets.size());
  attr.uprobe_multi.pid = link.pid;
  return UniqueFd(static_cast<int>(syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr))));
}

}  // namespace dlog::attach
