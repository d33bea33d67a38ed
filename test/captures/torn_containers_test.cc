// SPDX-License-Identifier: Apache-2.0
//
// Another thread changes a container between any two reads of its capture: what is shown is what it held before or
// after, or that it was changed; never a mixture.
#include <unistd.h>

#include <deque>
#include <functional>
#include <list>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "test/captures/own_program.h"
#include "test/catch.h"

namespace torn_test {

// Each of the two has its own size and its own contents, all of it told by one letter or number.
std::string g_text(40, 'a'), g_other_text(90, 'b');
std::vector<int> g_vector(10, 10), g_other_vector(33, 33);
std::vector<std::string> g_words(5, std::string(25, 'c')), g_other_words(9, std::string(35, 'd'));
std::deque<long> g_deque(95, 95), g_other_deque(70, 70);
std::list<int> g_list(6, 6), g_other_list(3, 3);
std::map<int, int> g_map, g_other_map;
std::set<std::string> g_set, g_other_set;
std::unordered_map<int, int> g_table, g_other_table;
std::vector<bool> g_bits(70, true), g_other_bits(30, false);

__attribute__((noinline)) int Anchor(int amount) {
  asm volatile("nop" : : "r"(amount) : "memory");
  return amount;
}

void Fill() {
  for (int i = 0; i < 20; ++i) g_map[i] = 20, g_table[i] = 20, g_set.insert("e" + std::to_string(i));
  for (int i = 0; i < 7; ++i)
    g_other_map[100 + i] = 7, g_other_table[100 + i] = 7, g_other_set.insert("f" + std::to_string(i));
}

struct Case {
  const char* name;
  std::function<void()> change;  // twice = not at all
};

template <typename T>
std::function<void()> Swap(T& one, T& other) {
  return [&one, &other] { std::swap(one, other); };
}

std::vector<Case> Cases() {
  return {{"g_text", Swap(g_text, g_other_text)},    {"g_vector", Swap(g_vector, g_other_vector)},
          {"g_words", Swap(g_words, g_other_words)}, {"g_deque", Swap(g_deque, g_other_deque)},
          {"g_list", Swap(g_list, g_other_list)},    {"g_map", Swap(g_map, g_other_map)},
          {"g_set", Swap(g_set, g_other_set)},       {"g_table", Swap(g_table, g_other_table)},
          {"g_bits", Swap(g_bits, g_other_bits)}};
}

}  // namespace torn_test

namespace dlog::test {
namespace {

TEST_CASE("a container that changes between two reads is shown as before, as after or as torn") {
  torn_test::Fill();
  uint64_t registers[DLOG_NREGS] = {};
  registers[16] = reinterpret_cast<uint64_t>(&torn_test::Anchor);
  for (const torn_test::Case& one : torn_test::Cases()) {
    INFO(one.name);
    const OwnProgram program("torn_test::Anchor", {std::string("torn_test::") + one.name});
    int reads = 0;
    const std::string before = program.Capture(MemoryOfProcess(getpid()), registers, &reads)[0];
    one.change();
    const std::string after = program.Capture(MemoryOfProcess(getpid()), registers)[0];
    one.change();
    REQUIRE(before.substr(0, 3) == "ok ");
    REQUIRE(before != after);
    int torn = 0;
    for (int moment = 1; moment <= reads; ++moment) {
      INFO("before read " << moment << " of " << reads);
      bool changed = false;
      FakeMemory memory = MemoryOfProcess(getpid());
      memory.before_read = [&](int read) {
        if (read != moment) return;
        one.change();
        changed = true;
      };
      const std::string shown = program.Capture(memory, registers)[0];
      if (changed) one.change();
      const bool claims = shown.starts_with("ok ") || shown.starts_with("truncated ");
      const bool true_once = shown == before || shown == after;
      INFO(shown);
      CHECK((!claims || true_once));
      if (shown.starts_with("torn ")) ++torn;
    }
    CHECK(torn > 0);
  }
}

}  // namespace
}  // namespace dlog::test
