// SPDX-License-Identifier: Apache-2.0
//
// The streams of all nodes of a fleet as one.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "cli/client/event_order.h"
#include "cli/client/fleet.h"
#include "daemon/base/mutex.h"

namespace dlog::cli {

// Next, Finish: one thread. Cancel: any.
class MergedStream {
 public:
  // Opens the stream of `ids` (empty: all logpoints) on each of `nodes`. The fleet must outlive this.
  MergedStream(const Fleet& fleet, const std::vector<size_t>& nodes, const std::vector<std::string>& ids);
  // Cancels what is still open.
  ~MergedStream();

  // Waits for the next item; false when all streams have ended. Items of several nodes come in the order of their times
  // (EventOrder). A reader that is slow makes the daemons wait, and they count what that costs. When one of several
  // streams breaks, an item tells it.
  bool Next(NodeItem* item);
  void Cancel();
  // After Next has returned false: how each node's stream has ended; OK for nodes without one.
  std::vector<absl::Status> Finish();

 private:
  struct Reader {
    size_t node = 0;
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReader<v1::StreamItem>> stream;
    v1::EventList list;  // what was read and has not come out yet, from `next_listed` on
    int next_listed = 0;
    std::optional<absl::Status> outcome;  // once it has ended and its thread has asked why
  };
  // The next item of one stream; waits.
  static bool ReadOne(Reader* reader, NodeItem* item);
  void Read(Reader* reader) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status OutcomeOf(Reader* reader) const;

  const Fleet& fleet_;
  std::vector<std::unique_ptr<Reader>> readers_;

  Mutex mutex_;
  EventOrder order_ ABSL_GUARDED_BY(mutex_);
  size_t open_ ABSL_GUARDED_BY(mutex_) = 0;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool abandoned_ ABSL_GUARDED_BY(mutex_) = false;  // nobody reads any more

  std::vector<std::thread> threads_;  // last; one for each stream, none when there is one stream
};

}  // namespace dlog::cli
