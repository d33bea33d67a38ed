// SPDX-License-Identifier: Apache-2.0
#include "order.h"

#include "inventory.h"
#include "ledger.h"

namespace shop {

const char* Order::Kind() const { return "order"; }

int TotalCents(const Order& o) {
  int total = 0;
  for (const Item& item : o.items) {
    total += item.count * item.price_cents;
  }
  if (o.coupon.has_value()) {
    total -= total / 10;
  }
  return total;
}

Status handle_order(Order& o, Inventory& inventory, Ledger& ledger) {
  const int total = TotalCents(o);
  const bool reserved = inventory.Reserve(o.items);
  if (!reserved) {
    o.status = Status::REJECTED;
    ledger.Reject(o);
    return o.status;
  }
  o.status = Status::PAID;
  ledger.Book(o, total);
  return o.status;
}

}  // namespace shop
