// SPDX-License-Identifier: Apache-2.0
//
// Containers of every kind with any number of elements: captured and shown as their own iterators tell it; and with
// headers that are garbage: told as such, after few reads.
#include <absl/container/btree_map.h>
#include <absl/container/btree_set.h>
#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/container/inlined_vector.h>
#include <absl/container/node_hash_map.h>
#include <absl/types/span.h>
#include <unistd.h>

#include <algorithm>
#include <bitset>
#include <cstring>
#include <deque>
#include <forward_list>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <queue>
#include <random>
#include <set>
#include <span>
#include <stack>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "test/captures/own_program.h"
#include "test/catch.h"

namespace states_test {

std::string g_text;
std::vector<int> g_vector;
std::vector<std::string> g_words;
std::vector<bool> g_bits;
std::deque<int> g_deque;
std::deque<std::string> g_deque_words;
std::list<int> g_list;
std::forward_list<int> g_forward;
std::map<int, std::string> g_map;
std::multimap<int, int> g_multimap;
std::set<std::string> g_set;
std::multiset<int> g_multiset;
std::unordered_map<int, std::string> g_table;
std::unordered_multimap<int, int> g_multitable;
std::unordered_set<std::string> g_keys;
std::unordered_multiset<int> g_multikeys;
std::map<int, std::map<int, int>> g_nested;
std::vector<std::map<int, int>> g_maps;
std::vector<std::vector<std::vector<int>>> g_deep;
std::map<int, std::set<std::string>> g_sets;
absl::flat_hash_map<int, std::string> g_flat_map;
absl::flat_hash_set<int> g_flat_set;
absl::node_hash_map<int, int> g_node_map;
absl::btree_map<int, int> g_btree_map;
absl::btree_set<int> g_btree_set;
absl::InlinedVector<int, 4> g_inlined;

__attribute__((noinline)) int Anchor(int amount) {
  asm volatile("nop" : : "r"(amount) : "memory");
  return amount;
}

}  // namespace states_test

namespace dlog::test {
namespace {

using namespace states_test;  // NOLINT(google-build-using-namespace): the containers

constexpr size_t kLimit = 100;  // items that are shown

// ---- what has to be seen

std::string Text(int value) { return std::to_string(value); }
std::string Text(bool value) { return value ? "true" : "false"; }
std::string Text(const std::string& value) { return '"' + value + '"'; }
template <typename A, typename B>
std::string Text(const std::pair<A, B>& pair);
template <typename T>
std::string Text(const T& container) {
  std::string out = "{";
  size_t shown = 0;
  for (const auto& element : container) {
    if (shown != 0) out += ", ";
    if (shown++ == kLimit) {
      out += "...";
      break;
    }
    out += Text(element);
  }
  return out + "}";
}
template <typename A, typename B>
std::string Text(const std::pair<A, B>& pair) {
  return '[' + Text(pair.first) + "] = " + Text(pair.second);
}

template <typename T>
size_t SizeOf(const T& container) {
  return static_cast<size_t>(std::distance(container.begin(), container.end()));
}

// The status that such a value has, and its text: " " in between.
template <typename T>
std::string Expected(const T& container) {
  return (SizeOf(container) > kLimit ? "truncated " : "ok ") + Text(container);
}
std::string Expected(const std::string& text) {
  constexpr size_t kMost = 256;
  return (text.size() > kMost ? "truncated " : "ok ") + text.substr(0, kMost) + (text.size() > kMost ? "..." : "");
}

// ---- filling

void Add(int i, std::string* out) { out->push_back(static_cast<char>('a' + i % 26)); }
template <typename T>
void AddBack(int i, T* out) {
  if constexpr (std::is_same_v<typename T::value_type, std::string>) {
    out->push_back("word " + std::to_string(i) + (i % 2 != 0 ? " of more than fifteen bytes" : ""));
  } else if constexpr (std::is_same_v<typename T::value_type, bool>) {
    out->push_back(i % 3 == 0);
  } else if constexpr (std::is_same_v<typename T::value_type, int>) {
    out->push_back(i * 7);
  } else if constexpr (std::is_same_v<typename T::value_type, std::map<int, int>>) {
    out->push_back({{i, 1}, {i + 1, 2}});
  } else {
    out->push_back({{i}, {}, {i, 2}});
  }
}
void Add(int i, std::forward_list<int>* out) { out->push_front(i); }
template <typename T>
requires requires(T t) { t.push_back({}); }
void Add(int i, T* out) { AddBack(i, out); }
template <typename T>
requires requires { typename T::mapped_type; }
void Add(int i, T* out) {
  using Mapped = typename T::mapped_type;
  if constexpr (std::is_same_v<Mapped, std::string>) {
    out->insert({i, "v" + std::to_string(i)});
  } else if constexpr (std::is_same_v<Mapped, int>) {
    out->insert({i / 2, i});
  } else if constexpr (std::is_same_v<Mapped, std::map<int, int>>) {
    out->insert({i, {{i, 1}}});
  } else {
    out->insert({i, {"a"}});
  }
}
template <typename T>
requires(
    !requires { typename T::mapped_type; } && requires(T t) { t.insert(typename T::key_type()); }) void Add(int i,
                                                                                                            T* out) {
  if constexpr (std::is_same_v<typename T::key_type, std::string>) {
    out->insert("key " + std::to_string(i));
  } else {
    out->insert(i / 2);
  }
}

// One container: how to make it hold `n` elements, and so on.
struct Subject {
  const char* name;
  void* object;
  size_t bytes;
  std::function<void(int)> fill;
  std::function<void()> clear;
  std::function<void()> move_away;
  std::function<void()> steal_by_swap;  // the elements were made in another object
  std::function<std::string()> expected;
};

template <typename T>
Subject Of(const char* name, T* object) {
  const auto fill = [](int n, T* out) {
    T fresh;
    out->swap(fresh);
    for (int i = 0; i < n; ++i) Add(i, out);
  };
  return {name,
          object,
          sizeof(T),
          [object, fill](int n) { fill(n, object); },
          [object] { object->clear(); },
          [object] {
            const T taken = std::move(*object);
            asm volatile("" : : "r"(&taken) : "memory");
          },
          [object, fill] {
            T other;
            fill(3, &other);
            std::swap(*object, other);
          },
          [object] { return Expected(*object); }};
}

std::vector<Subject> Subjects() {
  return {Of("g_text", &g_text),
          Of("g_vector", &g_vector),
          Of("g_words", &g_words),
          Of("g_bits", &g_bits),
          Of("g_deque", &g_deque),
          Of("g_deque_words", &g_deque_words),
          Of("g_list", &g_list),
          Of("g_forward", &g_forward),
          Of("g_map", &g_map),
          Of("g_multimap", &g_multimap),
          Of("g_set", &g_set),
          Of("g_multiset", &g_multiset),
          Of("g_table", &g_table),
          Of("g_multitable", &g_multitable),
          Of("g_keys", &g_keys),
          Of("g_multikeys", &g_multikeys),
          Of("g_nested", &g_nested),
          Of("g_maps", &g_maps),
          Of("g_deep", &g_deep),
          Of("g_sets", &g_sets),
          Of("g_flat_map", &g_flat_map),
          Of("g_flat_set", &g_flat_set),
          Of("g_node_map", &g_node_map),
          Of("g_btree_map", &g_btree_map),
          Of("g_btree_set", &g_btree_set),
          Of("g_inlined", &g_inlined)};
}

class Captured {
 public:
  explicit Captured(const Subject& subject)
      : program_("states_test::Anchor", {std::string("states_test::") + subject.name}) {
    program_.set_max_bytes(DLOG_MAX_RECORD_DATA);
    registers_[16] = reinterpret_cast<uint64_t>(&states_test::Anchor);
  }
  // "STATUS TEXT JSON".
  std::string Show(const FakeMemory& memory, int* reads = nullptr) {
    return program_.Capture(memory, registers_.data(), reads)[0];
  }
  std::string Now() { return Show(MemoryOfProcess(getpid())); }

 private:
  OwnProgram program_;
  std::array<uint64_t, DLOG_NREGS> registers_ = {};
};

TEST_CASE("containers of any size, emptied and moved from, are shown as their iterators tell it") {
  for (const Subject& subject : Subjects()) {
    Captured captured(subject);
    const auto check = [&](const std::string& state) {
      INFO(subject.name << " " << state);
      const std::string expected = subject.expected();
      CHECK(captured.Now().substr(0, expected.size() + 1) == expected + " ");
    };
    for (const int n : {0, 1, 2, 17, static_cast<int>(kLimit), static_cast<int>(kLimit) + 1, 3000}) {
      subject.fill(n);
      check(std::to_string(n));
    }
    subject.clear();
    check("cleared");
    subject.fill(5);
    subject.move_away();
    check("moved from");
    subject.fill(200);
    subject.steal_by_swap();
    check("swapped");
    subject.fill(0);
  }
}

// ---- garbage

// This process, but for `bytes` at `address`.
FakeMemory WithBytes(const void* address, std::vector<uint8_t> bytes) {
  FakeMemory memory = MemoryOfProcess(getpid());
  const auto at = reinterpret_cast<uint64_t>(address);
  memory.missing_page = [real = memory.missing_page, at, bytes = std::move(bytes)](uint64_t page, uint8_t* out) {
    if (!real(page, out)) return false;
    for (size_t i = 0; i < bytes.size(); ++i) {
      if (at + i - page < FakeMemory::kPage) out[at + i - page] = bytes[i];
    }
    return true;
  };
  return memory;
}

constexpr int kMostReads = 3000;  // items, their texts, and steps of trees between them

TEST_CASE("containers that were never made are told as such") {
  for (const Subject& subject : Subjects()) {
    subject.fill(4);
    Captured captured(subject);
    for (const uint8_t byte : {0x00, 0x01, 0x55, 0xa5, 0xcc, 0xfe, 0xff}) {
      INFO(subject.name << " of bytes " << static_cast<int>(byte));
      int reads = 0;
      const std::string shown =
          captured.Show(WithBytes(subject.object, std::vector<uint8_t>(subject.bytes, byte)), &reads);
      CHECK(reads < kMostReads);
      // A forward_list begins with no more than a pointer.
      const bool told = shown.starts_with("error ") || shown.starts_with("unreadable ") ||
                        shown.starts_with("partial {<unreadable 0x");
      const bool empty = shown.starts_with("ok {} ") || shown.starts_with("ok  ");
      CHECK(((told || (byte == 0 && empty)) ? "" : shown) == "");
    }
  }
}

TEST_CASE("random headers end soon") {
  std::minstd_rand random(20261123);
  for (const Subject& subject : Subjects()) {
    subject.fill(9);
    Captured captured(subject);
    std::vector<uint64_t> words(subject.bytes / 8);
    std::memcpy(words.data(), subject.object, words.size() * 8);
    // Words that lead somewhere: its own, others' objects, this one, small numbers, anything.
    std::vector<uint64_t> pool = words;
    for (const Subject& other : Subjects()) pool.push_back(reinterpret_cast<uint64_t>(other.object));
    for (const uint64_t number : {0, 1, 2, 64, 1000, 1 << 20}) pool.push_back(number);
    for (const uint64_t number : {~0ull, 1ull << 63, 0x7fffffffffffffffull, 0x100000001ull}) pool.push_back(number);
    for (int round = 0; round < 60; ++round) {
      std::vector<uint64_t> garbage = words;
      for (uint64_t& word : garbage) {
        if (random() % 3 == 0) word = pool[random() % pool.size()] + (random() % 8 == 0 ? random() % 64 : 0);
      }
      std::vector<uint8_t> bytes(garbage.size() * 8);
      std::memcpy(bytes.data(), garbage.data(), bytes.size());
      int reads = 0;
      const std::string shown = captured.Show(WithBytes(subject.object, bytes), &reads);
      INFO(subject.name << " round " << round << ": " << shown.substr(0, 300));
      CHECK(reads < kMostReads);
      CHECK(!shown.starts_with("refused"));
    }
  }
}

}  // namespace
}  // namespace dlog::test
