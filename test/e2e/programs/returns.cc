// SPDX-License-Identifier: Apache-2.0
//
// Functions that return every kind of value in every way; scenarios/returns.py says what is to be seen.
#include <unistd.h>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

#define NOINLINE __attribute__((noinline))

volatile int zero;
int global_number = 4711;

struct Small {
  int a;
  short b;
};
struct Two {
  long a;
  const char* b;
};
struct IntDouble {
  int n;
  double d;
};
struct DoubleInt {
  double d;
  int n;
};
struct Floats {
  float x, y, z;
};
struct Doubles {
  double x, y;
};
struct Bits {
  unsigned low : 3;
  int high : 5;
  bool flag : 1;
};
struct __attribute__((packed)) Packed {
  char c;
  int n;
};
struct Big {
  long v[4];
};
struct Empty {};
struct Counted {
  int n;
  explicit Counted(int x) : n(x) {}
  Counted(const Counted& o) : n(o.n) {}
};
struct Defaulted {
  int n;
  ~Defaulted() = default;
};
struct Base {
  int base;
};
struct Derived : Base {
  float f;
};
union Either {
  double d;
  int n;
};
enum Color { RED, GREEN, BLUE };

NOINLINE bool Bool(int x) { return x > 2 + zero; }
NOINLINE char Char(int x) { return static_cast<char>('a' + x + zero); }
NOINLINE int Int(int x) { return x * -7 + zero; }
NOINLINE uint64_t Wide(int x) { return 0xfedcba9876543210ull + static_cast<unsigned>(x + zero); }
NOINLINE Color Enum(int x) { return static_cast<Color>((x + zero) % 3); }
NOINLINE int* Pointer(int) { return &global_number + zero; }
NOINLINE const int& Reference(int) { return (&global_number)[zero]; }
NOINLINE float Float(int x) { return static_cast<float>(x + zero) * 0.5f; }
NOINLINE double Double(int x) { return (x + zero) * 1.25; }
NOINLINE long double LongDouble(int x) { return (x + zero) * 1.5L; }
NOINLINE Small MakeSmall(int x) { return {x + zero, static_cast<short>(x * 2)}; }
NOINLINE Two MakeTwo(int x) { return {x + zero + 100L, "two"}; }
NOINLINE IntDouble MakeIntDouble(int x) { return {x + zero, x * 0.25}; }
NOINLINE DoubleInt MakeDoubleInt(int x) { return {x * 0.75, x + zero}; }
NOINLINE Floats MakeFloats(int x) { return {x * 0.5f, x * 1.5f, static_cast<float>(x + zero)}; }
NOINLINE Doubles MakeDoubles(int x) { return {x * 0.5, x * 2.5 + zero}; }
NOINLINE Bits MakeBits(int x) { return {static_cast<unsigned>(x + zero) & 7u, -x, true}; }
NOINLINE Packed MakePacked(int x) { return {'p', x + zero}; }
NOINLINE Big MakeBig(int x) { return {{x, x + 1, x + 2, x + zero + 3L}}; }
NOINLINE Empty MakeEmpty(int x) {
  zero = x - x;
  return {};
}
NOINLINE Counted MakeCounted(int x) { return Counted(x + zero); }
NOINLINE Defaulted MakeDefaulted(int x) { return {x + zero}; }
NOINLINE Derived MakeDerived(int x) {
  Derived d;
  d.base = x + zero;
  d.f = static_cast<float>(x) * 2.0f;
  return d;
}
NOINLINE Either MakeEither(int x) {
  Either e;
  e.d = x * 0.5 + zero;
  return e;
}
NOINLINE std::string String(int x) { return "string number " + std::to_string(x + zero); }
NOINLINE std::unique_ptr<int> Unique(int x) { return std::make_unique<int>(x + zero); }
NOINLINE void Nothing(int x) { zero = x - x; }
NOINLINE int Recursive(int n) { return n <= 0 ? zero : n + Recursive(n - 1) + zero; }
NOINLINE int Throws(int x) {
  if (x % 2 != 0) throw std::runtime_error("odd");
  return x + 50 + zero;
}
NOINLINE int Through(int x) {
  const int got = Throws(x);
  zero = 0;
  return got + 1;
}
NOINLINE int Several(int x) {
  if (x == 1) return Int(1) + 100;
  if (x == 2) {
    std::fflush(stderr);
    return 222 + zero;
  }
  for (int i = 0; i < x; ++i) {
    if (i + zero == 5) return 555;
  }
  return 999 + zero;
}
NOINLINE int TailCalls(int x) { return Int(x + 1); }
NOINLINE int TailCallsPointer(int (*f)(int), int x) { return f(x + 1); }
NOINLINE int Switches(int x) {
  switch (x + zero) {
    case 0:
      return std::printf("%s", "") + 10;
    case 1:
      return 11 + zero * 3;
    case 2:
      return 22 - zero;
    case 3:
      zero = 0;
      return 33 ^ zero;
    case 4:
      return 44 + std::fflush(stdout);
    case 5:
      return 55 * (zero + 1);
    case 6:
      return std::fflush(stderr) + 66;
    default:
      return -1;
  }
}
// Nobody uses the value: a compiler that sees this may stop making it.
static NOINLINE int Unused(int x) {
  global_number += x - x + zero;
  return Int(x) * 1000;
}
class Account {
 public:
  explicit Account(int b) : balance_(b) {}
  NOINLINE int Withdraw(int amount) {
    if (amount > balance_ + zero) return -1;
    balance_ -= amount;
    return balance_;
  }

 private:
  int balance_;
};

int main() {
  for (int round = 0;; ++round) {
    const int x = round % 8;
    Bool(x), Char(x), Int(x), Wide(x), Enum(x), Pointer(x), Reference(x), Float(x), Double(x), LongDouble(x);
    MakeSmall(x), MakeTwo(x), MakeIntDouble(x), MakeDoubleInt(x), MakeFloats(x), MakeDoubles(x), MakeBits(x);
    MakePacked(x), MakeBig(x), MakeEmpty(x), MakeCounted(x), MakeDefaulted(x), MakeDerived(x), MakeEither(x), String(x),
        Unique(x);
    Nothing(x), Recursive(x), Several(x), TailCalls(x), TailCallsPointer(&Int, x), Switches(x), Unused(x);
    try {
      Through(x);
    } catch (const std::runtime_error&) {
      global_number = 4711;
    }
    Account account(x);
    account.Withdraw(3);
    usleep(1000);
  }
}
