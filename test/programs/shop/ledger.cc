// SPDX-License-Identifier: Apache-2.0
#include "ledger.h"

namespace shop {

void Ledger::Book(const Order& o, int total_cents) {
  std::lock_guard<std::mutex> lock(mutex_);
  ++booked_;
  revenue_cents_ += total_cents;
  last_id_ = o.id;
}

void Ledger::Reject(const Order& o) {
  std::lock_guard<std::mutex> lock(mutex_);
  ++rejected_;
  last_id_ = o.id;
}

std::int64_t Ledger::Handled() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return booked_ + rejected_;
}

}  // namespace shop
