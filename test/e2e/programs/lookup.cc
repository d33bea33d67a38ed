// SPDX-License-Identifier: Apache-2.0
//
// What a line sees stands behind it, on that line.
// clang-format off
//
// Names as the compiler looks them up. Each line with "SEES:" says what the expressions behind it are there; the loop
// comes by again and again. Every value has one name only, so that a wrong lookup shows a wrong number.
#include <unistd.h>

#include <cstdio>
#include <map>
#include <string>
#include <tuple>
#include <utility>

int value = 100;      // ::value
static int file_static __attribute__((used)) = 101;

namespace shop {
int value = 200;
int stock = 201;
namespace detail {
int depth = 210;
int value = 211;
}  // namespace detail
inline namespace v2 {
int version = 220;
}
namespace {
int hidden __attribute__((used)) = 230;
}
enum Color { RED = 240, GREEN = 241 };
enum class Size { SMALL = 250, LARGE = 251 };
namespace alias_target {
int through_alias = 260;
}
}  // namespace shop

namespace {
int unnamed __attribute__((used)) = 110;
}
namespace other {
int imported = 300;
int declared = 301;
int shadowed = 302;
}  // namespace other
namespace short_name = shop::alias_target;

volatile int sink;
__attribute__((noinline)) void Use(int v) { sink = v; }

struct Grand {
  int grand = 400;
  static int grand_static;
};
int Grand::grand_static = 401;
struct Left : virtual Grand {
  int left = 410;
  int twice = 411;
};
struct Right : virtual Grand {
  int right = 420;
};
struct Plain {
  int plain = 430;
  int twice = 431;
};
struct Bottom : Left, Right, Plain {
  int bottom = 440;
  int value = 441;
  static constexpr int kConstant = 442;
  enum Mode { FAST = 450, SLOW = 451 };
  virtual ~Bottom() = default;
  Mode mode = SLOW;
  __attribute__((noinline)) int Method(int argument) {
    int local = argument + 1;
    Use(local + value + ::value);  // SEES: local=2 argument=1 value=441 ::value=100 this->value=441 grand=400 left=410 right=420 plain=430 bottom=440 Plain::twice=431 Left::twice=411 kConstant=442 FAST=FAST Bottom::SLOW=SLOW Mode::FAST=FAST grand_static=401 Grand::grand_static=401 this->grand=400 this->Plain::plain=430 Bottom::kConstant=442 shop::value=200
    auto capturing_this = [this, argument](int inner) __attribute__((noinline)) {
      Use(value + argument + inner);  // SEES: value=441 argument=1 inner=5 bottom=440 grand=400 this->value=441 kConstant=442 ::value=100
      return inner;
    };
    return capturing_this(5);
  }
};

namespace shop {
__attribute__((noinline)) void InLambda() {
  auto lambda = [](int inner) __attribute__((noinline)) {
    Use(inner + value);  // SEES: inner=7 value=200 ::value=100 stock=201
    return inner;
  };
  lambda(7);
}

struct Order {
  Color color = RED;
  Size size = Size::LARGE;
  int total = 500;
  static int made;
  __attribute__((noinline)) void Print();
};
int Order::made = 501;
void Order::Print() {
  int stock = 510;
  Use(hidden + detail::value + detail::depth + version + alias_target::through_alias + unnamed + file_static + shop::stock);
  Use(total + value + stock);  // SEES: total=500 value=200 ::value=100 stock=510 shop::stock=201 detail::value=211 detail::depth=210 version=220 v2::version=220 hidden=230 RED=RED shop::GREEN=GREEN Color::RED=RED Size::LARGE=LARGE made=501 Order::made=501 file_static=101 unnamed=110 alias_target::through_alias=260 short_name::through_alias=260 ::shop::value=200 shop::Order::made=501
}
}  // namespace shop

__attribute__((noinline)) void Usings() {
  using namespace other;
  Use(declared + other::shadowed);
  Use(imported);  // SEES: imported=300 other::imported=300 declared=301 value=100
  {
    using shop::stock;
    int shadowed = 310;
    Use(stock + shadowed);  // SEES: stock=201 shadowed=310 other::shadowed=302 imported=300
  }
  namespace local_alias = shop::detail;
  Use(local_alias::depth);  // SEES: local_alias::depth=210
}

__attribute__((noinline)) int Blocks(int x) {
  int y = x + 600;
  static int calls = 610;
  Use(y);  // SEES: x=1 y=601 calls=610
  {
    int x = 620;
    int y = x + 1;
    Use(x + y);  // SEES: x=620 y=621 calls=610
    for (int x = 630; x < 631; ++x) {
      Use(x + y);  // SEES: x=630 y=621
    }
  }
  Use(x + y);  // SEES: x=1 y=601
  return x;
}

struct Pair {
  int first = 700;
  int second = 701;
};

__attribute__((noinline)) int Bindings(Pair pair, std::pair<const int, std::pair<int, int>>& entry) {
  auto [a, b] = pair;
  auto& [c, d] = pair;
  const auto& [key, inner] = entry;
  std::tuple<int, long> tuple(720, 721);
  auto& [t, u] = tuple;
  int array[2] = {730, 731};
  auto [p, q] = array;
  Use(a + b + c + d + key + static_cast<int>(u) + t + p + q);  // SEES: a=700 b=701 c=700 d=701 key=710 inner.second=712 t=720 u=721 p=730 q=731
  return a;
}

__attribute__((noinline)) int Lambdas(int outer, int byref) {
  auto by_value = [outer](int inner) __attribute__((noinline)) {
    Use(outer + inner);  // SEES: outer=800 inner=3
    return outer;
  };
  auto by_reference = [&byref, renamed = outer + 1](int inner) __attribute__((noinline)) {
    Use(byref + renamed + inner);  // SEES: byref=801 renamed=801 inner=4
    return byref;
  };
  return by_value(3) + by_reference(4);
}

template <int N, typename T>
__attribute__((noinline)) T Template(T argument) {
  Use(static_cast<int>(argument) + N);  // SEES: argument=900 N=910
  return argument;
}

int main(int argc, char**) {
  Bottom bottom;
  shop::Order order;
  std::pair<const int, std::pair<int, int>> entry{710, {711, 712}};
  std::printf("ready\n");
  std::fflush(stdout);
  while (argc > 0) {
    bottom.Method(1);
    order.Print();
    shop::InLambda();
    Usings();
    Blocks(1);
    Bindings(Pair(), entry);
    Lambdas(800, 801);
    Template<910>(900L);
    usleep(20000);
  }
  return 0;
}
