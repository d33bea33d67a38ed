// SPDX-License-Identifier: Apache-2.0
//
// Containers that no library knows; scenarios/visualizers.py says what they are and knows the contents.
#include <unistd.h>

#include <cstddef>

void Keep(const void* object);

namespace ring {

template <typename T>
struct Buffer {
  T* first;
  unsigned long count;
};

struct Name {
  const char* text;
  std::size_t length;
};

template <typename T>
struct Link {
  Link* next;
  T payload;
};

template <typename T>
struct Chain {
  Link<T>* head;
};

struct Sample {
  Buffer<int> numbers;
  Buffer<Name> names;
  Buffer<Buffer<int>> nested;
  Buffer<int> none;
  Buffer<int> garbage;
  Chain<Name> chain;
};

__attribute__((noinline)) int Probe(const Sample& s) {
  Keep(&s);  // the logpoint
  return static_cast<int>(s.numbers.count);
}

}  // namespace ring

int main() {
  int numbers[] = {1, 2, 3};
  ring::Name names[] = {{"one", 3}, {"\"two\"", 5}};
  ring::Buffer<int> nested[] = {{numbers, 2}, {numbers + 2, 1}, {nullptr, 0}};
  ring::Link<ring::Name> last = {nullptr, names[1]};
  ring::Link<ring::Name> first = {&last, names[0]};
  const ring::Sample s = {
      {numbers, 3}, {names, 2}, {nested, 3}, {nullptr, 0}, {reinterpret_cast<int*>(16), 9000000000000000000UL},
      {&first}};
  int sum = 0;
  for (int i = 0; i < 100000; ++i) {
    sum += ring::Probe(s);
    usleep(10000);
  }
  return sum == 0 ? 0 : 1;
}
