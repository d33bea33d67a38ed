// SPDX-License-Identifier: Apache-2.0
#include "daemon/attach/ring_consumer.h"

#include <linux/bpf.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace dlog::attach {
namespace {

constexpr int kMaxRecordsPerCall = 65536;
// Freeing space with each record would share a cache line with the producers once per record.
constexpr uint64_t kReleaseBytes = 32768;
constexpr uint64_t kCacheLine = 64;
constexpr uint64_t kAheadBytes = 4 * kCacheLine;  // a record's header and a few values

size_t PageSize() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }

uint64_t LoadAcquire(const uint64_t* p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }

}  // namespace

absl::StatusOr<std::unique_ptr<RingConsumer>> RingConsumer::Create(int map_fd, uint64_t bytes) {
  std::unique_ptr<RingConsumer> ring(new RingConsumer(map_fd, bytes));
  void* consumer = mmap(nullptr, PageSize(), PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
  if (consumer == MAP_FAILED) {
    return absl::ResourceExhaustedError(absl::StrCat("map the ring buffer: ", std::strerror(errno)));
  }
  ring->consumer_position_ = static_cast<uint64_t*>(consumer);
  void* producer = mmap(nullptr, PageSize() + bytes, PROT_READ, MAP_SHARED, map_fd, static_cast<off_t>(PageSize()));
  if (producer == MAP_FAILED) {
    return absl::ResourceExhaustedError(absl::StrCat("map the ring buffer's data: ", std::strerror(errno)));
  }
  ring->producer_position_ = static_cast<const uint64_t*>(producer);
  ring->data_ = static_cast<const uint8_t*>(producer) + PageSize();
  return ring;
}

RingConsumer::~RingConsumer() {
  if (consumer_position_ != nullptr) munmap(consumer_position_, PageSize());
  if (producer_position_ != nullptr) munmap(const_cast<uint64_t*>(producer_position_), PageSize() + bytes_);
}

std::span<const uint8_t> RingConsumer::Bytes(uint64_t position, uint32_t length) {
  const uint64_t start = position & (bytes_ - 1);
  const uint64_t to_end = bytes_ - start;
  if (length <= to_end) return {data_ + start, length};
  wrapped_.assign(data_ + start, data_ + bytes_);
  wrapped_.insert(wrapped_.end(), data_, data_ + (length - to_end));
  return wrapped_;
}

int RingConsumer::Consume(const std::function<void(std::span<const uint8_t>)>& on_record) {
  int records = 0;
  uint64_t position = LoadAcquire(consumer_position_);
  uint64_t released = position;
  const uint64_t end = LoadAcquire(producer_position_);
  while (position < end && records < kMaxRecordsPerCall) {
    const uint8_t* header = data_ + (position & (bytes_ - 1));
    const uint32_t word = __atomic_load_n(reinterpret_cast<const uint32_t*>(header), __ATOMIC_ACQUIRE);
    if (word & BPF_RINGBUF_BUSY_BIT) break;  // reserved, not yet committed
    const uint32_t length = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
    const uint64_t next = position + ((uint64_t{length} + BPF_RINGBUF_HDR_SZ + 7) & ~uint64_t{7});
    // The next record comes from another processor's cache while this one is worked on. What is not written yet stays
    // with its writer.
    for (uint64_t line = next; line < std::min(next + kAheadBytes, end); line += kCacheLine) {
      __builtin_prefetch(data_ + (line & (bytes_ - 1)));
    }
    if ((word & BPF_RINGBUF_DISCARD_BIT) == 0) {
      on_record(Bytes(position + BPF_RINGBUF_HDR_SZ, length));
      ++records;
    }
    position = next;
    if (position - released >= kReleaseBytes) {
      __atomic_store_n(consumer_position_, position, __ATOMIC_RELEASE);
      released = position;
    }
  }
  if (position != released) __atomic_store_n(consumer_position_, position, __ATOMIC_RELEASE);
  return records;
}

absl::Status RingConsumer::Wait(int timeout_ms, int interrupt) const {
  pollfd fds[] = {{map_fd_, POLLIN, 0}, {interrupt, POLLIN, 0}};
  if (poll(fds, 2, timeout_ms) < 0 && errno != EINTR) {
    return absl::InternalError(absl::StrCat("wait for the ring buffer: ", std::strerror(errno)));
  }
  return absl::OkStatus();
}

uint64_t RingConsumer::UsedBytes() const {
  const uint64_t consumed = LoadAcquire(consumer_position_);
  const uint64_t produced = LoadAcquire(producer_position_);
  return produced > consumed ? produced - consumed : 0;
}

}  // namespace dlog::attach
