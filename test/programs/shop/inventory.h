// SPDX-License-Identifier: Apache-2.0
//
// Stock per article. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "order.h"

namespace shop {

class Inventory {
 public:
  // Takes all items or none; false when one of them is short. A short article is restocked for the next order.
  bool Reserve(const std::vector<Item>& items);

 private:
  std::mutex mutex_;
  std::map<std::string, int> stock_;
};

}  // namespace shop
