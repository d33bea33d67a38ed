// SPDX-License-Identifier: Apache-2.0
//
// What optimisers do to variables: scalar replacement, unrolling, partial inlining, constant propagation, recursion,
// spills.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace puzzle {

struct Pair {
  int32_t first;
  int32_t second;
};

struct Big {
  long a, b, c, d, e;
};

volatile int sink;

__attribute__((noinline)) void Use(long value) { sink = static_cast<int>(value); }

// Split into registers by the calling convention; the halves change independently.
__attribute__((noinline)) long Swap(Pair pair, unsigned rounds) {
  for (unsigned i = 0; i < rounds; ++i) {
    int32_t old = pair.first;
    pair.first = pair.second + 1;
    pair.second = old;
    Use(pair.first);
  }
  return pair.first * 1000L + pair.second;
}

inline int Clamp(int value, int low, int high) {
  int result = value < low ? low : value;
  if (result > high) {
    result = high;
  }
  return result;
}

__attribute__((noinline)) int Inlines(int x, int y) {
  int a = Clamp(x, 0, 10);
  int b = Clamp(y * 3, -5, 5);
  Use(a);
  int c = Clamp(a + b, 2, 8);
  Use(c);
  return a + b + c;
}

static int Recursive(int depth, long seed) {
  long mixed = seed * 31 + depth;
  if (depth == 0) {
    return static_cast<int>(mixed);
  }
  int below = Recursive(depth - 1, mixed);
  Use(below);
  return below ^ depth;
}

__attribute__((noinline)) uint64_t Spills(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f,
                                          uint64_t g) {
  uint64_t h = a * b, i = c * d, j = e * f, k = g ^ a, l = b + c, m = d - e, n = f | g, o = h ^ i;
  Use(static_cast<long>(h));
  uint64_t p = j + k;
  Use(static_cast<long>(p));
  uint64_t q = l * m;
  Use(static_cast<long>(q + n));
  return h + i + j + k + l + m + n + o + p + q;
}

__attribute__((noinline)) Big Make(long base) {
  Big big{base, base + 1, base + 2, base + 3, base + 4};
  Use(big.c);
  return big;
}

__attribute__((noinline)) long ByValue(Big big, int8_t small, uint16_t medium, bool flag) {
  long sum = big.a + big.e;
  sum += flag ? small : medium;
  Use(sum);
  return sum;
}

static int Table(int index) {
  static const int kTable[] = {3, 1, 4, 1, 5, 9, 2, 6};
  const int masked = index & 7;
  switch (masked) {
    case 0:
    case 3:
      Use(kTable[masked]);
      return kTable[masked];
    case 5: {
      int doubled = kTable[masked] * 2;
      Use(doubled);
      return doubled;
    }
    default:
      return kTable[masked] + index;
  }
}

__attribute__((noinline)) int Vectors(const int* values, int count) {
  int sum = 0, product = 1, maximum = values[0];
  for (int i = 0; i < count; ++i) {
    sum += values[i];
    product *= values[i];
    maximum = values[i] > maximum ? values[i] : maximum;
  }
  Use(product);
  return sum + maximum;
}

__attribute__((noinline)) double Doubles(double x, float y, int n) {
  double total = 0;
  for (int i = 0; i < n; ++i) {
    double term = x * i;
    total += term - y;
  }
  Use(static_cast<long>(total));
  return total;
}

}  // namespace puzzle

int main(int argc, char** argv) {
  using namespace puzzle;
  long total = 0;
  for (int i = 0; i < 3; ++i) {
    total += Swap({i, argc}, 3U);
    total += Inlines(i * 7, argc - i);
    total += Recursive(3, i);
    total += static_cast<long>(Spills(i, 2, 3, 4 + i, 5, 6, 7));
    Big big = Make(i);
    total += ByValue(big, static_cast<int8_t>(-i), 65535, i % 2 == 0);
    total += Table(i * 5);
    int values[8] = {1, i, 3, -4, 5, 6, i + 7, 8};
    total += Vectors(values, 8);
    total += static_cast<long>(Doubles(i + 0.5, 1.25F, 4));
  }
  std::printf("%ld\n", total);
  return 0;
}
