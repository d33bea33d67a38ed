// SPDX-License-Identifier: Apache-2.0
//
// Containers that one thread changes all the time while another is probed. Whatever a container holds at any moment
// obeys a rule, so that a mixture of two moments is recognised without knowing which moment was seen.
#include <unistd.h>

#include <atomic>
#include <deque>
#include <list>
#include <map>
#include <string>
#include <thread>
#include <vector>

void Keep(const void* object);

namespace race {

// All elements are equal to the number of elements; strings repeat one letter, the one that goes with their length.
struct Shared {
  std::vector<int> numbers;
  std::vector<std::string> words;
  std::string text;
  std::deque<long> queue;
  std::list<int> chain;
  std::map<int, int> tree;
};

int Probe(const Shared& s) {
  Keep(&s);  // the logpoint
  return 0;
}

}  // namespace race

namespace {

char Letter(std::size_t size) { return static_cast<char>('a' + size % 26); }

// A new container each time: what it held before is freed, its memory used again.
void Change(race::Shared& s, unsigned round) {
  const std::size_t size = round * 7 % 60;
  s.numbers = std::vector<int>(size, static_cast<int>(size));
  s.text = std::string(size, Letter(size));
  s.words = std::vector<std::string>(size % 20, std::string(size % 20 + 10, Letter(size % 20 + 10)));
  s.queue = std::deque<long>(size, static_cast<long>(size));
  s.chain = std::list<int>(size % 20, static_cast<int>(size % 20));
  std::map<int, int> tree;
  for (std::size_t i = 0; i < size % 20; ++i) tree[static_cast<int>(i)] = static_cast<int>(size % 20);
  s.tree.swap(tree);
}

}  // namespace

int main() {
  race::Shared s;
  std::thread writer([&] {
    for (unsigned round = 0;; ++round) {
      Change(s, round);
      if (round % 2048 == 0) usleep(2000);  // so that some captures on the fastest machine find it at rest
    }
  });
  for (;;) {
    race::Probe(s);
    usleep(500);
  }
}
