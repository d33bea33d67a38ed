// SPDX-License-Identifier: Apache-2.0
//
// Values for formats and for types that C++ seldom has. The contents are constant; the scenario knows them.
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <complex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

void Keep(const void* object);

namespace formats {

typedef int Lanes __attribute__((vector_size(16)));

struct Item {
  char name[8];
  long price;
};
const Item kItems[] = {{"tea", 549}, {"mug", 1250}, {"kettle", 4995}};

struct Sample {
  const int* first = nullptr;
  int count = 3;
  const unsigned char* bytes = reinterpret_cast<const unsigned char*>("raw text");
  const void* anything = "behind void";
  std::vector<int> values = {1, 2, 3, 4, 5};
  int error = ENOENT;
  long failure = -EAGAIN;
  int fine = 0;
  std::chrono::system_clock::time_point when = std::chrono::system_clock::from_time_t(1700000000);
  long seconds = 1700000000;
  std::complex<double> z = {1.5, -2};
  _Complex float c = 3;
  Lanes lanes = {1, -2, 3, -4};
  int zero = 0;
  int big = 2147483647;
  const int* null = nullptr;
  // C idioms: a pointer or a buffer, and beside it how much of it is in use.
  int negative = -2;
  unsigned long garbage = 9000000000000000000ul;
  double half = 0.5;
  short used = 5;
  char buffer[16] = "in use|not";
  const Item* items = kItems;
  const char* letters = kItems[0].name;
};

// The views come in registers.
__attribute__((noinline)) int Views(std::string_view text, std::span<const int> window, int amount) {
  asm volatile("nop" : : "r"(text.data()), "r"(window.data()), "r"(amount));  // the views
  Keep(text.data());
  return static_cast<int>(text.size() + window.size()) + amount;
}

__attribute__((noinline)) int Probe(const Sample& s) {
  Keep(&s);  // the logpoint
  return s.count;
}

}  // namespace formats

int main() {
  static const int kNumbers[] = {10, 20, 30, 40};
  formats::Sample s;
  s.first = kNumbers;
  int sum = 0;
  for (int i = 0; i < 100000; ++i) {
    sum += formats::Probe(s);
    sum += formats::Views("seen in registers", std::span<const int>(kNumbers, 3), i);
    usleep(10000);
  }
  return sum == 0 ? 0 : 1;
}
