// SPDX-License-Identifier: Apache-2.0
#include "inventory.h"

namespace shop {
namespace {

constexpr int kDelivery = 500;

}  // namespace

bool Inventory::Reserve(const std::vector<Item>& items) {
  std::lock_guard<std::mutex> lock(mutex_);
  bool enough = true;
  for (const Item& item : items) {
    int& left = stock_[item.sku];
    if (left < item.count) {
      left += kDelivery;
      enough = false;
    }
  }
  if (enough) {
    for (const Item& item : items) {
      stock_[item.sku] -= item.count;
    }
  }
  return enough;
}

}  // namespace shop
