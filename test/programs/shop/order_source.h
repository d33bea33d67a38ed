// SPDX-License-Identifier: Apache-2.0
//
// Makes up orders. One per thread.
#pragma once

#include <memory>
#include <vector>

#include "order.h"

namespace shop {

class OrderSource {
 public:
  // The orders depend on `seed` alone; `warehouses` must not be empty.
  OrderSource(unsigned seed, std::vector<std::shared_ptr<const Warehouse>> warehouses);

  Order Next(int id);

 private:
  unsigned Random(unsigned below);

  unsigned state_;
  std::vector<std::shared_ptr<const Warehouse>> warehouses_;
};

}  // namespace shop
