// SPDX-License-Identifier: Apache-2.0
#include "order_source.h"

#include <array>
#include <chrono>
#include <utility>

namespace shop {
namespace {

struct Article {
  const char* sku;
  int price_cents;
  double weight_kg;
};

constexpr std::array<Article, 6> kArticles{{{"tea-250g", 549, 0.25},
                                            {"coffee-1kg", 1890, 1.0},
                                            {"mug-blue", 1250, 0.5},
                                            {"kettle-steel", 4995, 1.5},
                                            {"filter-paper", 299, 0.125},
                                            {"biscuits", 375, 0.5}}};
constexpr std::array<const char*, 8> kCustomers{"Ada Lovelace",      "Alan Turing",    "Grace Hopper",
                                                "Edsger Dijkstra",   "Barbara Liskov", "Donald Knuth",
                                                "Margaret Hamilton", "Ken Thompson"};

}  // namespace

OrderSource::OrderSource(unsigned seed, std::vector<std::shared_ptr<const Warehouse>> warehouses)
    : state_(seed), warehouses_(std::move(warehouses)) {}

unsigned OrderSource::Random(unsigned below) {
  state_ = state_ * 1664525U + 1013904223U;  // Numerical Recipes' generator; the low bits are poor, the high ones do
  return (state_ >> 16) % below;
}

Order OrderSource::Next(int id) {
  Order o;
  o.created_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  o.id = id;
  o.customer = kCustomers[Random(kCustomers.size())];
  const unsigned lines = 1 + Random(4);
  for (unsigned i = 0; i < lines; ++i) {
    const Article& article = kArticles[Random(kArticles.size())];
    o.items.push_back({article.sku, static_cast<int>(1 + Random(3)), article.price_cents});
    o.weight_kg += o.items.back().count * article.weight_kg;
  }
  o.express = Random(5) == 0;
  if (Random(4) == 0) {
    o.coupon = "WELCOME10";
  }
  if (Random(8) == 0) {
    o.note = std::make_unique<std::string>("please ring twice");
  }
  o.warehouse = warehouses_[Random(warehouses_.size())];
  return o;
}

}  // namespace shop
