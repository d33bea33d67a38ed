// SPDX-License-Identifier: Apache-2.0
//
// What was sold. Thread-safe.
#pragma once

#include <cstdint>
#include <mutex>

#include "order.h"

namespace shop {

class Ledger {
 public:
  void Book(const Order& o, int total_cents);
  void Reject(const Order& o);

  // Orders booked or rejected so far.
  std::int64_t Handled() const;

 private:
  mutable std::mutex mutex_;
  std::int64_t booked_ = 0;
  std::int64_t rejected_ = 0;
  std::int64_t revenue_cents_ = 0;
  int last_id_ = 0;
};

}  // namespace shop
