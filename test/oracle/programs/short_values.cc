// SPDX-License-Identifier: Apache-2.0
//
// Containers and strings that change from round to round, in functions that the optimiser cannot remove.
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

void Keep(const void* object);

namespace {

struct Point {
  int x;
  int y;
};

struct Base {
  virtual ~Base() = default;
  int id = 1;
};

struct Leaf final : Base {
  std::string label = "leaf";
  double weight = 0.5;
};

enum class Mode : short { kOff = -1, kOn = 3 };

struct Order {
  Order* next = nullptr;
  Mode mode = Mode::kOn;
  unsigned low : 5;
  int high : 9;
  std::string customer;
  std::vector<Point> points;
  std::optional<int> limit;
  std::unique_ptr<Point> owner;
};

template <typename T>
__attribute__((noinline)) T Sum(const std::vector<T>& values, T start) {
  T total = start;
  for (const T& value : values) {
    total += value;
    Keep(&total);
  }
  return total;
}

__attribute__((noinline)) int Describe(const Order& order, int round, double ratio, std::string_view view) {
  int count = static_cast<int>(order.points.size());
  double scaled = ratio * count;
  const Order* other = order.next;
  Keep(&order);
  for (int i = 0; i < count; ++i) {
    const Point& point = order.points[i];
    scaled += point.x * ratio;
    Keep(&point);
  }
  if (other != nullptr && other->mode == Mode::kOn) {
    count += other->high;
  }
  Keep(view.data());
  return count + static_cast<int>(scaled) + round;
}

__attribute__((noinline)) double Weigh(const Base* base, float factor, long extra) {
  const Leaf* leaf = dynamic_cast<const Leaf*>(base);
  double weight = leaf != nullptr ? leaf->weight * factor : -1.0;
  auto more = [&weight, extra](int times) {
    double result = weight * times + extra;
    Keep(&result);
    return result;
  };
  return more(2) + more(3);
}

}  // namespace

int main() {
  int sum = 0;
  std::vector<std::string> words;
  for (int round = 0; round < 4; ++round) {
    Order last;
    last.low = 7;
    last.high = -round;
    Order order;
    order.next = round % 2 == 0 ? &last : nullptr;
    order.low = static_cast<unsigned>(round);
    order.high = round * 10;
    order.customer = round % 2 == 0 ? "short" : std::string(60, static_cast<char>('a' + round));
    for (int i = 0; i < round; ++i) {
      order.points.push_back({i, round});
    }
    order.limit = round == 1 ? std::nullopt : std::optional<int>(round);
    order.owner = round == 2 ? nullptr : std::make_unique<Point>(Point{round, 1});
    words.push_back(order.customer + "!");
    sum += Describe(order, round, 1.5 * round, order.customer);
    Leaf leaf;
    leaf.label += std::to_string(round);
    std::unique_ptr<Base> base = round == 3 ? std::make_unique<Base>() : nullptr;
    sum += static_cast<int>(Weigh(base ? base.get() : &leaf, 2.5F, round));
    sum += Sum(std::vector<int>{round, 2, 3}, sum) + static_cast<int>(Sum(std::vector<double>{0.5, 1.0 * round}, 0.25));
    Keep(&words);
  }
  std::printf("%d\n", sum);
  return 0;
}
