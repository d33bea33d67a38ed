// SPDX-License-Identifier: Apache-2.0
//
// Tells that processes have come or gone, by the kernel's own trace points (no tracefs is needed), so that nobody has
// to look all the time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <thread>

#include "absl/status/statusor.h"
#include "symbolizer/base/unique_fd.h"

struct process_events_bpf;

namespace dlog::attach {

// Several changes may become one call; a change during a call gives another one. Losing one is possible (a process
// whose first thread ended before the others): look now and then all the same.
class ProcessEvents {
 public:
  static constexpr int kApartMs = 100;

  // `on_change` is called on a thread of its own, at once after a quiet time and else every kApartMs at most.
  static absl::StatusOr<std::unique_ptr<ProcessEvents>> Create(std::function<void()> on_change);
  ~ProcessEvents();
  // Only what these processes do is worth a call; without a value, what any does. One thread.
  void Only(const std::optional<std::set<int32_t>>& processes);
  ProcessEvents(const ProcessEvents&) = delete;
  ProcessEvents& operator=(const ProcessEvents&) = delete;

 private:
  struct Deleter {
    void operator()(process_events_bpf* skeleton) const;
  };
  ProcessEvents() = default;
  void Loop() const;

  std::unique_ptr<process_events_bpf, Deleter> skeleton_;
  std::function<void()> on_change_;
  std::set<int32_t> watched_;  // in the program's table
  UniqueFd stop_;              // eventfd
  std::thread thread_;
};

}  // namespace dlog::attach
