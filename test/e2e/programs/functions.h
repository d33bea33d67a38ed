// SPDX-License-Identifier: Apache-2.0
#pragma once

// In both units: the linker keeps one (COMDAT).
inline __attribute__((noinline)) int Comdat(int x) { return x * 7 + 1; }

namespace shop {
template <typename T>
__attribute__((noinline)) T Largest(T a, T b) {
  return a < b ? b : a;
}

struct Shape {
  int sides = 4;
  virtual ~Shape() = default;
};
}  // namespace shop

int OtherUnit(int x);
