// SPDX-License-Identifier: Apache-2.0
//
// The reading side of a BPF ring buffer. Layout: kernel/bpf/ringbuf.c. libbpf 1.1 has one too, but neither a bound on
// how long one call reads nor a way to ask how full the ring is.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"

namespace dlog::attach {

// Thread: Consume and Wait on one thread; UsedBytes from any.
class RingConsumer {
 public:
  // `map_fd` stays the caller's and must stay open. `bytes` = max_entries of the map, a power of two.
  static absl::StatusOr<std::unique_ptr<RingConsumer>> Create(int map_fd, uint64_t bytes);
  ~RingConsumer();
  RingConsumer(const RingConsumer&) = delete;
  RingConsumer& operator=(const RingConsumer&) = delete;

  // Hands over what is committed, at most kMaxRecordsPerCall records; returns their number. The bytes are valid during
  // the call of `on_record` only.
  int Consume(const std::function<void(std::span<const uint8_t>)>& on_record);

  // Returns when something is waiting, a producer asked for a wake-up, `interrupt` is readable, a signal came, or after
  // `timeout_ms`.
  absl::Status Wait(int timeout_ms, int interrupt = -1) const;

  uint64_t UsedBytes() const;
  uint64_t capacity() const { return bytes_; }

 private:
  // The `length` bytes at ring position `position`.
  std::span<const uint8_t> Bytes(uint64_t position, uint32_t length);

  RingConsumer(int map_fd, uint64_t bytes) : map_fd_(map_fd), bytes_(bytes) {}

  const int map_fd_;
  const uint64_t bytes_;
  uint64_t* consumer_position_ = nullptr;  // own page, writable
  const uint64_t* producer_position_ = nullptr;
  const uint8_t* data_ = nullptr;
  // A record that wraps, in one piece. The kernel offers the data twice in a row, so that none would, but the second
  // time counts as resident memory too.
  std::vector<uint8_t> wrapped_;
};

}  // namespace dlog::attach
