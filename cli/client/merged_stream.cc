// SPDX-License-Identifier: Apache-2.0
#include "cli/client/merged_stream.h"

#include <utility>

#include "absl/time/time.h"
#include "daemon/base/boot_time.h"

namespace dlog::cli {
namespace {

// What clocks that are kept by NTP and networks within a site differ by.
constexpr absl::Duration kHold = absl::Milliseconds(100);
// Items that wait for their turn.
constexpr size_t kMaxHeld = 10000;

}  // namespace

MergedStream::MergedStream(const Fleet& fleet, const std::vector<size_t>& nodes, const std::vector<std::string>& ids)
    : fleet_(fleet), order_(kHold) {
  v1::StreamRequest request;
  request.set_lists(true);
  for (const std::string& id : ids) request.add_ids(id);
  for (const size_t node : nodes) {
    auto reader = std::make_unique<Reader>();
    reader->node = node;
    reader->stream = fleet.node(node).stub().Stream(&reader->context, request);
    readers_.push_back(std::move(reader));
  }
  if (readers_.size() == 1) return;  // Next reads by itself
  {
    MutexLock lock(&mutex_);
    open_ = readers_.size();
  }
  for (const auto& reader : readers_) threads_.emplace_back([this, each = reader.get()] { Read(each); });
}

MergedStream::~MergedStream() {
  Cancel();
  {
    MutexLock lock(&mutex_);
    abandoned_ = true;
  }
  for (std::thread& thread : threads_) thread.join();
}

void MergedStream::Cancel() {
  {
    MutexLock lock(&mutex_);
    cancelled_ = true;
  }
  for (const auto& reader : readers_) reader->context.TryCancel();
}

bool MergedStream::ReadOne(Reader* reader, NodeItem* item) {
  item->node = reader->node;
  if (reader->next_listed == reader->list.events_size()) {
    if (!reader->stream->Read(&item->item)) return false;
    item->more = false;
    if (!item->item.has_events() || item->item.events().events().empty()) return true;
    reader->list.Swap(item->item.mutable_events());
    reader->next_listed = 0;
  }
  item->item.mutable_event()->Swap(reader->list.mutable_events(reader->next_listed++));
  item->more = reader->next_listed < reader->list.events_size();
  return true;
}

void MergedStream::Read(Reader* reader) {
  NodeItem item;
  while (ReadOne(reader, &item)) {
    MutexLock lock(&mutex_);
    mutex_.Await([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return abandoned_ || order_.size() < kMaxHeld; });
    item.more = false;  // what comes next is decided by all nodes
    order_.Push(std::exchange(item, {}), BootTime());
  }
  reader->outcome = OutcomeOf(reader);
  MutexLock lock(&mutex_);
  --open_;
  if (reader->outcome->ok() || cancelled_ || open_ == 0) return;
  NodeItem broken;
  broken.node = reader->node;
  broken.broken = *reader->outcome;
  order_.Push(std::move(broken), BootTime());
}

absl::Status MergedStream::OutcomeOf(Reader* reader) const {
  return fleet_.node(reader->node).Outcome(reader->stream->Finish(), reader->context);
}

bool MergedStream::Next(NodeItem* item) {
  if (threads_.empty()) {
    if (readers_.empty()) return false;
    return ReadOne(readers_.front().get(), item);
  }
  MutexLock lock(&mutex_);
  while (true) {
    if (auto next = order_.Pop(BootTime(), open_ == 0)) {
      *item = *std::move(next);
      return true;
    }
    if (open_ == 0) return false;
    // What is held comes out when it is due, or at once when the last stream ends.
    const absl::Duration wait = std::min(order_.NextDue() - BootTime(), absl::Hours(1));
    const absl::Time due = order_.NextDue();
    mutex_.AwaitFor(
        wait, [this, due]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return open_ == 0 || order_.NextDue() < due; });
  }
}

std::vector<absl::Status> MergedStream::Finish() {
  std::vector<absl::Status> outcomes(fleet_.size());
  for (const auto& reader : readers_) {
    outcomes[reader->node] = reader->outcome ? *reader->outcome : OutcomeOf(reader.get());
  }
  return outcomes;
}

}  // namespace dlog::cli
