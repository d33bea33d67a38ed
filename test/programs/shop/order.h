// SPDX-License-Identifier: Apache-2.0
//
// An order and what it is made of.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace shop {

class Inventory;
class Ledger;

enum class Status { NEW, PAID, REJECTED };

struct Item {
  std::string sku;
  int count = 0;
  int price_cents = 0;
};

struct Warehouse {
  int number = 0;
  std::string city;
};

// Whatever the shop files under a number.
class Document {
 public:
  virtual ~Document() = default;
  virtual const char* Kind() const = 0;

  std::int64_t created_ms = 0;
};

struct Order : public Document {
  const char* Kind() const override;

  int id = 0;
  std::string customer;
  std::vector<Item> items;
  Status status = Status::NEW;
  bool express = false;
  double weight_kg = 0;
  std::optional<std::string> coupon;
  std::shared_ptr<const Warehouse> warehouse;  // shared by every order that ships from there
  std::unique_ptr<std::string> note;           // null for most orders
};

// Sum of the items in cents, after the coupon.
int TotalCents(const Order& o);

// Takes the items from the inventory and books the total; returns the order's new status.
Status handle_order(Order& o, Inventory& inventory, Ledger& ledger);

}  // namespace shop
