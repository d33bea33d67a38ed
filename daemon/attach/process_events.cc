// SPDX-License-Identifier: Apache-2.0
#include "daemon/attach/process_events.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

#include "absl/time/time.h"
#include "daemon/attach/bpf_errors.h"
#include "daemon/attach/pid_namespace.h"
#include "daemon/base/boot_time.h"
#include "process_events.skel.h"

namespace dlog::attach {

void ProcessEvents::Deleter::operator()(process_events_bpf* skeleton) const { process_events_bpf::destroy(skeleton); }

absl::StatusOr<std::unique_ptr<ProcessEvents>> ProcessEvents::Create(std::function<void()> on_change) {
  std::unique_ptr<ProcessEvents> events(new ProcessEvents());
  events->on_change_ = std::move(on_change);
  events->stop_ = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!events->stop_.valid()) return LoadError(errno, "eventfd");
  events->skeleton_.reset(process_events_bpf::open_and_load());
  if (events->skeleton_ == nullptr) return LoadError(errno, "load the programs that watch processes");
  events->skeleton_->bss->everything = 1;
  if (const int error = process_events_bpf::attach(events->skeleton_.get())) {
    return LoadError(-error, "watch processes");
  }
  events->thread_ = std::thread([raw = events.get()] { raw->Loop(); });
  return events;
}

void ProcessEvents::Only(const std::optional<std::set<int32_t>>& processes) {
  int* const everything = &skeleton_->bss->everything;
  // The program knows processes by their numbers in the initial namespace.
  if (!processes.has_value() || !InInitialPidNamespace()) return __atomic_store_n(everything, 1, __ATOMIC_SEQ_CST);
  const int table = bpf_map__fd(skeleton_->maps.watched);
  const uint8_t yes = 1;
  bool all_there = true;
  for (const int32_t process : *processes) all_there &= bpf_map_update_elem(table, &process, &yes, BPF_ANY) == 0;
  // A full table: everything is told rather than too little.
  __atomic_store_n(everything, all_there ? 0 : 1, __ATOMIC_SEQ_CST);
  for (const int32_t process : watched_) {
    if (!processes->contains(process)) (void)bpf_map_delete_elem(table, &process);
  }
  watched_ = *processes;
}

ProcessEvents::~ProcessEvents() {
  if (!thread_.joinable()) return;
  const uint64_t one = 1;
  (void)!write(stop_.get(), &one, sizeof(one));
  thread_.join();
}

void ProcessEvents::Loop() const {
  ring_buffer* ring = ring_buffer__new(
      bpf_map__fd(skeleton_->maps.process_changes), [](void*, void*, size_t) { return 0; }, nullptr, nullptr);
  if (ring == nullptr) return;  // out of memory: the slow look remains
  absl::Time last = absl::InfinitePast();
  pollfd waits[] = {{ring_buffer__epoll_fd(ring), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
  while (poll(waits, 2, -1) >= 0 || errno == EINTR) {
    if (waits[1].revents != 0) break;
    if (waits[0].revents == 0) continue;
    (void)ring_buffer__consume(ring);
    // On a machine that starts programs all the time one look serves many of them.
    const absl::Duration early = last + absl::Milliseconds(kApartMs) - BootTime();
    if (early > absl::ZeroDuration() &&
        poll(&waits[1], 1, static_cast<int>(absl::ToInt64Milliseconds(early)) + 1) > 0) {
      break;
    }
    last = BootTime();
    // Before the look that it asks for: what changes from now on asks again.
    __atomic_store_n(&skeleton_->bss->pending, 0, __ATOMIC_SEQ_CST);
    on_change_();
  }
  ring_buffer__free(ring);
}

}  // namespace dlog::attach
