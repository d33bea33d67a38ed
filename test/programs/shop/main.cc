// SPDX-License-Identifier: Apache-2.0
//
// shop: handles made-up orders on four threads until it is stopped or has handled the number asked for.
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "inventory.h"
#include "ledger.h"
#include "order.h"
#include "order_source.h"

namespace {

constexpr int kThreads = 4;

volatile std::sig_atomic_t g_stop = 0;

void Stop(int /*signal*/) { g_stop = 1; }

struct Options {
  int orders = 0;  // 0: until stopped
  int pause_us = 10000;
};

bool Parse(int argc, char** argv, Options* options) {
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--orders") == 0) {
      options->orders = std::atoi(argv[i + 1]);
    } else if (std::strcmp(argv[i], "--pause-us") == 0) {
      options->pause_us = std::atoi(argv[i + 1]);
    } else {
      return false;
    }
  }
  return argc % 2 == 1 && options->orders >= 0 && options->pause_us >= 0;
}

struct Shop {
  Options options;
  shop::Inventory inventory;
  shop::Ledger ledger;
  std::atomic<int> next_id{1};
  std::vector<std::shared_ptr<const shop::Warehouse>> warehouses{
      std::make_shared<const shop::Warehouse>(shop::Warehouse{1, "Leipzig"}),
      std::make_shared<const shop::Warehouse>(shop::Warehouse{2, "Lyon"})};
};

void Work(Shop& shop, unsigned seed) {
  shop::OrderSource source(seed, shop.warehouses);
  while (g_stop == 0) {
    const int id = shop.next_id.fetch_add(1);
    if (shop.options.orders != 0 && id > shop.options.orders) {
      return;
    }
    shop::Order o = source.Next(id);
    shop::handle_order(o, shop.inventory, shop.ledger);
    if (shop.options.pause_us != 0) {
      std::this_thread::sleep_for(std::chrono::microseconds(shop.options.pause_us));
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  Shop shop;
  if (!Parse(argc, argv, &shop.options)) {
    std::fprintf(stderr, "usage: shop [--orders N] [--pause-us U]\n");
    return 2;
  }
  std::signal(SIGTERM, Stop);
  std::signal(SIGINT, Stop);
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (unsigned i = 0; i < kThreads; ++i) {
    threads.emplace_back(Work, std::ref(shop), i + 1);
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  std::printf("handled %lld orders\n", static_cast<long long>(shop.ledger.Handled()));
  return 0;
}
