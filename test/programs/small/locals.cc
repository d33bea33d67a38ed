// SPDX-License-Identifier: Apache-2.0
//
// Scopes and locations. Lines that tests look for end in a `MARK: name` comment.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#define NOINLINE __attribute__((noinline))
#define INLINE inline __attribute__((always_inline))

int shared = 1;

namespace shop {

enum class Color { RED, GREEN = 5 };
enum Size { SMALL, LARGE = 7 };
int shared = 2;
constexpr int kLimit = 99;

namespace {
int hidden = 4;
}

struct Item {
  int price;
  int count;
};

class Order {
 public:
  explicit Order(int id) : id_(id) {}  // MARK: constructor
  ~Order() { --live; }
  NOINLINE int total(int discount) const;
  NOINLINE int total(int discount, long extra) const;
  static int live;

  int id_;
  std::vector<Item> items_;
};

int Order::live = 3;

NOINLINE int Order::total(int discount) const {
  int sum = discount;
  for (const Item& item : items_) {
    int price = item.price * item.count;
    sum += price;  // MARK: loop
  }
  static int calls = 0;
  ++calls;
  return sum + shared + hidden;  // MARK: total
}

NOINLINE int Order::total(int discount, long extra) const { return total(discount) + static_cast<int>(extra) + id_; }

template <typename T>
NOINLINE T Largest(T a, T b) {
  return a < b ? b : a;  // MARK: largest
}

}  // namespace shop

INLINE int Twice(int value) {
  int doubled = value * 2;
  std::printf("twice %d\n", doubled);  // MARK: inlined
  return doubled + 1;
}

NOINLINE int Shadow(int x) {
  int result = x;
  {
    std::printf("outer %d\n", x);  // MARK: before_shadow
    int x = result + 10;
    std::printf("inner %d\n", x);  // MARK: shadow
    result += x;
  }
  std::printf("result %d\n", result);  // MARK: after_shadow
  return result;
}

NOINLINE int Constants(int n) {
  const int fixed = 42;
  int unused = n + 1;
  shop::Color color = shop::Color::GREEN;
  (void)unused;
  std::printf("constants %d %d %d\n", fixed, static_cast<int>(color), n);  // MARK: constants
  return n;
}

NOINLINE void Pieces(int a, int b) {
  shop::Item item{a, b};
  std::printf("pieces %d %d\n", item.price, item.count);  // MARK: pieces
}

NOINLINE double Floating(double d, float f) {
  double both = d + f;
  std::printf("floating %f\n", both);  // MARK: floating
  return both;
}

thread_local int per_thread = 5;

NOINLINE int Imported() {
  using namespace shop;
  std::printf("imported %d\n", kLimit + LARGE + per_thread);  // MARK: imported
  return shop::hidden++;
}

int main(int argc, char** argv) {
  shop::Order order(argc);
  order.items_.push_back({argc, 2});
  auto lambda = [&order](int k) { return order.total(k, 2L); };
  int sum = lambda(argc) + Twice(argc) + Twice(argc + 3) + Shadow(argc) + Constants(argc) + Imported();
  Pieces(argc, sum);
  std::string name = argv[0];
  double d = Floating(argc, 2.5f);
  std::printf("%d %s %f %d %ld\n", sum, name.c_str(), d, shop::Largest(argc, 2),
              shop::Largest(3L, static_cast<long>(argc)));
  return 0;
}
