// SPDX-License-Identifier: Apache-2.0
#include "daemon/attach/uprobe_links.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <utility>

#include "daemon/attach/bpf_errors.h"
#include "daemon/attach/bpf_syscalls.h"

namespace dlog::attach {
namespace {

// Of one instruction, as far as the kernel tells: it takes no probe, cannot be decoded or read, or lies behind the end
// of the file. EINVAL means other things, too; then it comes for all.
bool IsRefusal(int error) { return error == kNotSupported || error == EINVAL || error == ENOEXEC || error == EIO; }

// [first, first + count) in one link, or in halves when an instruction among them is refused.
void LinkRange(const LinkOrder& order, size_t first, size_t count, LinkResult* result) {
  UniqueFd link = CreateUprobeMultiLink({order.program_fd, order.path, order.offsets.subspan(first, count),
                                         order.cookies.subspan(first, count), order.pid});
  if (link.valid()) {
    result->links.push_back(std::move(link));
    return;
  }
  const int error = errno;
  if (!IsRefusal(error)) {
    result->error = error;
    return;
  }
  if (count == 1) {
    result->refused.push_back(first);
    result->refusal = error;
    return;
  }
  LinkRange(order, first, count / 2, result);
  if (result->error == 0) LinkRange(order, first + count / 2, count - count / 2, result);
}

// Number of the perf event source "uprobe"; -1 when the kernel has none.
int UprobeEventType() {
  std::ifstream file("/sys/bus/event_source/devices/uprobe/type");
  int type = -1;
  return file >> type ? type : -1;
}

// errno; the link keeps the event.
int LinkEvent(const LinkOrder& order, size_t i, int type, UniqueFd* link) {
  perf_event_attr attr = {};
  attr.size = sizeof(attr);
  attr.type = static_cast<uint32_t>(type);
  attr.config1 = reinterpret_cast<uint64_t>(order.path.c_str());
  attr.config2 = order.offsets[i];
  // Without a process the event is bound to a processor, its BPF program runs on all.
  const pid_t pid = order.pid == 0 ? -1 : static_cast<pid_t>(order.pid);
  const int cpu = order.pid == 0 ? 0 : -1;
  const UniqueFd event(static_cast<int>(syscall(SYS_perf_event_open, &attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC)));
  if (!event.valid()) return errno;
  LIBBPF_OPTS(bpf_link_create_opts, options);
  options.perf_event.bpf_cookie = order.cookies[i];
  *link = UniqueFd(bpf_link_create(order.program_fd, event.get(), BPF_PERF_EVENT, &options));
  if (!link->valid()) return errno;
  return ioctl(event.get(), PERF_EVENT_IOC_ENABLE, 0) == 0 ? 0 : errno;
}

void LinkEvents(const LinkOrder& order, LinkResult* result) {
  const int type = UprobeEventType();
  if (type < 0) {
    result->error = ENODEV;
    return;
  }
  for (size_t i = 0; i < order.offsets.size() && result->error == 0; ++i) {
    UniqueFd link;
    const int error = LinkEvent(order, i, type, &link);
    if (IsRefusal(error)) {
      result->refused.push_back(i);
      result->refusal = error;
    } else if (error != 0) {
      result->error = error;
    } else {
      result->links.push_back(std::move(link));
    }
  }
}

}  // namespace

const char* BackendName(Backend backend) { return backend == Backend::kUprobeMulti ? "uprobe_multi" : "perf"; }

std::optional<Backend> BackendByName(std::string_view name) {
  for (const Backend backend : {Backend::kUprobeMulti, Backend::kPerfEvents}) {
    if (name == BackendName(backend)) return backend;
  }
  return std::nullopt;
}

uint32_t ExpectedAttachType(Backend backend) {
  return backend == Backend::kUprobeMulti ? kAttachTraceUprobeMulti : uint32_t{0};
}

LinkResult CreateLinks(const LinkOrder& order) {
  LinkResult result;
  if (order.backend == Backend::kUprobeMulti) {
    LinkRange(order, 0, order.offsets.size(), &result);
  } else {
    LinkEvents(order, &result);
  }
  if (result.error == 0 && result.links.empty()) result.error = result.refusal;
  if (result.error != 0) result.links.clear();
  return result;
}

}  // namespace dlog::attach
