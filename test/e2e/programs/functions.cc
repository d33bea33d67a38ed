// SPDX-License-Identifier: Apache-2.0
//
// Functions of every kind that a name can mean; scenarios/functions.py says what each name has to find.
#include "functions.h"

#include <cstdio>
#include <cstdlib>

volatile int sink;

namespace shop {

struct Base {
  int base;
  explicit Base(int b) __attribute__((noinline));
};
Base::Base(int b) : base(b) { sink = b; }

// With a virtual base the complete object (C1) and the base object (C2) have constructors of their own.
struct Virtual : virtual Shape {
  int v;
  explicit Virtual(int x) __attribute__((noinline));
};
Virtual::Virtual(int x) : v(x) { sink = x; }
struct Most : Virtual {
  Most() : Virtual(5) {}
};

__attribute__((noinline)) int Overloaded(int x) { return x + sink; }
__attribute__((noinline)) int Overloaded(double x) { return static_cast<int>(x) + sink; }
__attribute__((noinline)) int Overloaded(const char* x) { return x[0] + sink; }

struct Order {
  int total = 3;
  __attribute__((noinline)) int operator()(int x) const { return total + x + sink; }
  __attribute__((noinline)) bool operator<(const Order& other) const { return total + sink < other.total; }
  __attribute__((noinline)) explicit operator int() const { return total + sink; }
};

}  // namespace shop

namespace other {
__attribute__((noinline)) int Overloaded(int x) { return x * 2 + sink; }
}  // namespace other

static __attribute__((noinline)) int SameName(int x) { return x + 30; }

extern "C" __attribute__((noinline)) int Aliased(int x) { return x + sink + 11; }
extern "C" int AliasOfIt(int x) __attribute__((alias("Aliased")));

// Bodies that are the same, for --icf=all.
__attribute__((noinline)) int TwinOne(int x) { return x * 3 + 77; }
__attribute__((noinline)) int TwinTwo(int x) { return x * 3 + 77; }

// gcc splits the unlikely part off (.cold), and clones for the constant (.constprop).
__attribute__((noinline)) static int WithCold(int x, int always) {
  if (__builtin_expect(x < 0, 0)) {
    std::fprintf(stderr, "cold %d\n", always);
    std::abort();
  }
  return x + always + sink;
}

__attribute__((noinline, used)) static int Unused(int x) { return x - 5; }

static inline __attribute__((always_inline)) int Inlined(int x) {
  sink = x;
  return x + 1;
}

int main(int argc, char** argv) {
  shop::Base base(argc);
  shop::Virtual virtually(argc);
  shop::Most most;
  shop::Order order;
  auto lambda = [argc](int x) __attribute__((noinline)) { return x + argc + sink; };
  int sum = shop::Overloaded(argc) + shop::Overloaded(1.5 * argc) + shop::Overloaded(argv[0]) + other::Overloaded(argc);
  sum += order(argc) + (order < shop::Order()) + static_cast<int>(order) + SameName(argc) + Aliased(argc) +
         AliasOfIt(argc);
  sum += TwinOne(argc) + TwinTwo(argc) + WithCold(argc, 9) + Comdat(argc) + OtherUnit(argc) + lambda(argc);
  sum += shop::Largest(argc, 2) + static_cast<int>(shop::Largest(1.0 * argc, 2.0)) + Inlined(argc) + Inlined(argc + 1);
  std::printf("%d\n", sum + base.base + virtually.v + most.v);
  return 0;
}
