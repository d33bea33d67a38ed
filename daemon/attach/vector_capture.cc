// SPDX-License-Identifier: Apache-2.0
#include "daemon/attach/vector_capture.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <span>
#include <utility>

#include "bpf/abi.h"
#include "daemon/attach/bpf_errors.h"
#include "daemon/attach/stack_check.h"
#include "logpoint.skel.h"

namespace dlog::attach {
namespace {

constexpr uint32_t kKickRingBytes = 4096;  // DLOG_KICK_RING_BYTES: the inner maps must be of one size
// The lowest: above all ordinary threads, below everybody else's real-time threads, which a logpoint must not disturb.
constexpr int kPriority = 1;

void ConsumeUntilStopped(int ring, int stop, RingConsumer* consumer) {
  std::array<pollfd, 2> fds = {{{ring, POLLIN, 0}, {stop, POLLIN, 0}}};
  while (true) {
    if (poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) return;
    if (fds[1].revents != 0) return;
    consumer->Consume([](std::span<const uint8_t>) {});
  }
}

bool PinAndPrioritize(std::thread* thread, uint32_t cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  const sched_param priority = {kPriority};
  pthread_setname_np(thread->native_handle(), "dlog-kick");
  const bool pinned = pthread_setaffinity_np(thread->native_handle(), sizeof(set), &set) == 0;
  return pthread_setschedparam(thread->native_handle(), SCHED_FIFO, &priority) == 0 && pinned;
}

int ReuseMaps(const logpoint_bpf* from, logpoint_bpf* to) {
  const auto reuse = [](bpf_map* map, const bpf_map* of) { return bpf_map__reuse_fd(map, bpf_map__fd(of)); };
  for (const auto& [map, of] :
       {std::pair(to->maps.sites, from->maps.sites), std::pair(to->maps.ops, from->maps.ops),
        std::pair(to->maps.routines, from->maps.routines), std::pair(to->maps.logpoints, from->maps.logpoints),
        std::pair(to->maps.counters_map, from->maps.counters_map), std::pair(to->maps.consumed, from->maps.consumed),
        std::pair(to->maps.scratch, from->maps.scratch), std::pair(to->maps.ring, from->maps.ring),
        std::pair(to->maps.reader, from->maps.reader), std::pair(to->maps.alarms, from->maps.alarms),
        std::pair(to->maps.starts, from->maps.starts)}) {
    if (const int error = reuse(map, of)) return error;
  }
  return 0;
}

int Configure(const LoadedProgram& main, logpoint_bpf* skeleton) {
  skeleton->rodata->dlog_ncpus = main.skeleton->rodata->dlog_ncpus;
  skeleton->rodata->dlog_wakeup_bytes = main.skeleton->rodata->dlog_wakeup_bytes;
  skeleton->rodata->dlog_share_bytes = main.skeleton->rodata->dlog_share_bytes;
  bpf_program__set_autoload(skeleton->progs.dlog_logpoint_plain, false);
  bpf_program__set_autoload(skeleton->progs.dlog_logpoint_sleepable, false);
  bpf_program__set_expected_attach_type(
      skeleton->progs.dlog_logpoint_vectors,
      bpf_program__expected_attach_type(main.skeleton->progs.dlog_logpoint_sleepable));
  if (const int error = bpf_map__set_max_entries(skeleton->maps.kicks, main.cpus)) return error;
  return ReuseMaps(main.skeleton.get(), skeleton);
}

}  // namespace

absl::StatusOr<std::unique_ptr<VectorCapture>> VectorCapture::Create(const LoadedProgram& main) {
  if (!main.sleepable) return absl::FailedPreconditionError("the kernel takes no sleepable uprobe program");
  std::unique_ptr<VectorCapture> capture(new VectorCapture());
  capture->skeleton_.reset(logpoint_bpf::open(nullptr));
  if (capture->skeleton_ == nullptr) return LoadError(errno, "");
  logpoint_bpf* skeleton = capture->skeleton_.get();
  if (const int error = Configure(main, skeleton)) return LoadError(-error, "");
  if (const int error = logpoint_bpf::load(skeleton)) return LoadError(-error, "");
  const bpf_program* program = skeleton->progs.dlog_logpoint_vectors;
  absl::Status stack = CheckStackUse({bpf_program__insns(program), bpf_program__insn_cnt(program)});
  if (!stack.ok()) return stack;
  capture->program_fd_ = bpf_program__fd(program);
  if (auto status = capture->StartThreads(bpf_map__fd(skeleton->maps.kicks), main.cpus); !status.ok()) return status;
  return capture;
}

absl::Status VectorCapture::StartThreads(int kicks_fd, uint32_t cpus) {
  stop_ = UniqueFd(eventfd(0, EFD_CLOEXEC));
  if (!stop_.valid()) return absl::ErrnoToStatus(errno, "create an event descriptor");
  for (uint32_t cpu = 0; cpu < cpus; ++cpu) {
    UniqueFd ring(bpf_map_create(BPF_MAP_TYPE_RINGBUF, "dlog_kick", 0, 0, kKickRingBytes, nullptr));
    if (!ring.valid()) return LoadError(errno, "create a kick ring");
    auto consumer = RingConsumer::Create(ring.get(), kKickRingBytes);
    if (!consumer.ok()) return consumer.status();
    const int fd = ring.get();
    std::thread thread([fd, stop = stop_.get(), reader = consumer->get()] { ConsumeUntilStopped(fd, stop, reader); });
    // A processor that is not there now cannot be pinned to; should it come, its hits record no vector registers.
    real_time_ &= PinAndPrioritize(&thread, cpu);
    threads_.push_back(std::move(thread));
    rings_.push_back(std::move(ring));
    consumers_.push_back(*std::move(consumer));
    if (bpf_map_update_elem(kicks_fd, &cpu, &fd, BPF_ANY) != 0) return LoadError(errno, "publish a kick ring");
  }
  return absl::OkStatus();
}

VectorCapture::~VectorCapture() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(stop_.get(), &one, sizeof(one));  // an eventfd at 0 takes it
  for (std::thread& thread : threads_) thread.join();
}

}  // namespace dlog::attach
