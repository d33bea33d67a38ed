// SPDX-License-Identifier: Apache-2.0
//
// Random graphs of library containers, and the truth about them: before each call of Probe the program prints one JSON
// object {"i": N, "expect": {EXPRESSION: TEXT, ...}} with the text that dlog has to show, made by walking the same
// objects with their own iterators.
#include <unistd.h>

#include <array>
#include <atomic>
#include <bitset>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <forward_list>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <span>
#include <stack>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

void Keep(const void* object);

namespace truth {

struct Leaf {
  int id;
  std::string name;
};

struct Tree {
  std::string label;
  std::vector<Tree> children;
};

struct Sample {
  int round;
  std::vector<std::string> strings;
  std::vector<Leaf> leaves;
  std::vector<bool> flags;
  std::array<std::string, 2> pair_of_strings;
  std::deque<int> numbers;
  std::deque<std::string> words;
  std::deque<std::array<long, 40>> large;
  std::list<std::string> lines;
  std::list<std::vector<int>> rows;
  std::forward_list<Leaf> chain;
  std::map<int, std::string> names;
  std::map<std::string, std::vector<int>> index;
  std::map<std::string, std::map<int, std::list<std::string>>> deep;
  std::multimap<int, Leaf> many;
  std::set<std::string> keys;
  std::multiset<int> bag;
  std::unordered_map<std::string, int> counts;
  std::unordered_map<int, std::pair<std::string, double>> prices;
  std::unordered_set<long> ids;
  std::unordered_multimap<int, int> edges;
  std::optional<std::string> maybe;
  std::optional<std::map<int, int>> maybe_map;
  std::variant<int, std::string, std::vector<Leaf>> choice;
  std::vector<std::variant<bool, std::string, std::optional<int>>> choices;
  std::tuple<int, std::string, std::vector<int>> triple;
  std::pair<std::string, std::set<int>> couple;
  std::unique_ptr<std::map<int, std::string>> owner;
  std::shared_ptr<std::vector<std::string>> shared;
  std::vector<std::shared_ptr<Leaf>> pointers;
  std::weak_ptr<Leaf> watcher;
  std::bitset<70> bits;
  std::atomic<int> counter;
  std::chrono::milliseconds elapsed;
  std::chrono::hours age;
  std::filesystem::path path;
  std::queue<std::string> queue;
  std::stack<int> stack;
  std::string_view view;
  std::span<const int> window;
  Tree tree;
};

int Probe(const Sample& s, int round) {
  Keep(&s);  // the logpoint: everything below is still needed
  return s.round + round;
}

}  // namespace truth

namespace {

using truth::Leaf;
using truth::Tree;

// ---- what has to be seen; `root`: the whole expression, where a string stands without quotes

std::string Text(int value) { return std::to_string(value); }
std::string Text(long value) { return std::to_string(value); }
std::string Text(bool value) { return value ? "true" : "false"; }

// Halves only.
std::string Text(double value) {
  std::string text = std::to_string(static_cast<long>(value));
  return value == static_cast<double>(static_cast<long>(value)) ? text : text + ".5";
}

std::string Text(std::string_view value) {
  std::string out = "\"";
  for (char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out + "\"";
}
std::string Text(const std::string& value) { return Text(std::string_view(value)); }

std::string Text(const Leaf& leaf) { return "{id = " + Text(leaf.id) + ", name = " + Text(leaf.name) + "}"; }
std::string Text(const Tree& tree);
template <typename T>
std::string Text(const std::vector<T>& values);
template <typename T>
std::string Text(const std::list<T>& values);
template <typename T>
std::string Text(const std::set<T>& values);
template <typename K, typename V>
std::string Text(const std::map<K, V>& values);
template <typename A, typename B>
std::string Text(const std::pair<A, B>& pair);
template <typename T>
std::string Text(const std::optional<T>& value);
template <typename... T>
std::string Text(const std::variant<T...>& value);
template <typename T>
std::string Text(const std::shared_ptr<T>& value);
template <typename T, std::size_t n>
std::string Text(const std::array<T, n>& values);

template <typename Container>
std::string List(const Container& values) {
  std::string out;
  for (const auto& value : values) out += (out.empty() ? "" : ", ") + Text(value);
  return "{" + out + "}";
}
template <typename T>
std::string Text(const std::vector<T>& values) {
  std::string out;
  for (std::size_t i = 0; i < values.size(); ++i) out += (i == 0 ? "" : ", ") + Text(static_cast<const T&>(values[i]));
  return "{" + out + "}";
}
template <typename T>
std::string Text(const std::list<T>& values) {
  return List(values);
}
template <typename T>
std::string Text(const std::set<T>& values) {
  return List(values);
}
template <typename Map>
std::string MapText(const Map& values) {
  std::string out;
  for (const auto& [key, value] : values) out += (out.empty() ? "" : ", ") + ("[" + Text(key) + "] = ") + Text(value);
  return "{" + out + "}";
}
template <typename K, typename V>
std::string Text(const std::map<K, V>& values) {
  return MapText(values);
}
template <typename T, std::size_t n>
std::string Text(const std::array<T, n>& values) {
  return List(values);
}
template <typename A, typename B>
std::string Text(const std::pair<A, B>& pair) {
  return "{first = " + Text(pair.first) + ", second = " + Text(pair.second) + "}";
}
template <typename T>
std::string Text(const std::optional<T>& value) {
  return value ? Text(*value) : "nullopt";
}
template <typename... T>
std::string Text(const std::variant<T...>& value) {
  return std::visit([](const auto& active) { return Text(active); }, value);
}
template <typename T>
std::string Text(const std::shared_ptr<T>& value) {
  return value ? Text(*value) : "nullptr";
}
std::string Text(const Tree& tree) {
  return "{label = " + Text(tree.label) + ", children = " + Text(tree.children) + "}";
}

// Without the quotes of a string.
template <typename T>
std::string Root(const T& value) {
  std::string text = Text(value);
  if (text.empty() || text[0] != '"') return text;
  std::string out;
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    if (text[i] == '\\') ++i;
    out += text[i] == 'n' && text[i - 1] == '\\' ? '\n' : text[i];
  }
  return out;
}

std::string JsonText(const std::string& text) { return Text(std::string_view(text)); }

// ---- random contents

std::uint64_t state = 88172645463325252ULL;
int Random(int below) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return static_cast<int>(state % static_cast<unsigned>(below));
}

// None, one, a few, many.
int Count() {
  static const int kCounts[] = {0, 1, 2, 3, 7, 20};
  return kCounts[Random(6)];
}
int Few() { return Random(4); }

std::string Name() {
  static const char* const kParts[] = {"a", "wide ", "\"quoted\"", "back\\slash", "line\nbreak", "x1", "\xc3\xa9", "-"};
  std::string out;
  for (int n = Random(5); n > 0; --n) out += kParts[Random(8)];
  if (Random(4) == 0) out += " and long enough for the heap";
  return out;
}

Tree RandomTree(int depth) {
  Tree tree{Name(), {}};
  if (depth > 0) {
    for (int n = Random(4); n > 0; --n) tree.children.push_back(RandomTree(depth - 1));
  }
  return tree;
}

std::vector<int> Ints(int count) {
  std::vector<int> out;
  for (; count > 0; --count) out.push_back(Random(2000) - 1000);
  return out;
}

std::shared_ptr<Leaf> watched;
std::vector<int> window;
std::string viewed;

void FillSequences(truth::Sample& s) {
  for (int n = Count(); n > 0; --n) s.strings.push_back(Name());
  for (int n = Count(); n > 0; --n) s.leaves.push_back({Random(100), Name()});
  for (int n = Count() * 3; n > 0; --n) s.flags.push_back(Random(2) == 1);
  s.pair_of_strings = {Name(), Name()};
  for (int n = Random(90); n > 0; --n) Random(2) == 1 ? s.numbers.push_back(n) : s.numbers.push_front(-n);
  // The first element wanders through its block.
  for (int n = Random(200); n > 0; --n) {
    s.numbers.push_back(n);
    s.numbers.pop_front();
  }
  for (int n = Count(); n > 0; --n) Random(2) == 1 ? s.words.push_back(Name()) : s.words.push_front(Name());
  for (int n = Few(); n > 0; --n) {
    s.large.push_back({});
    for (long& value : s.large.back()) value = Random(10);
  }
  for (int n = Count(); n > 0; --n) s.lines.push_back(Name());
  for (int n = Few(); n > 0; --n) s.rows.push_back(Ints(Few()));
  for (int n = Count(); n > 0; --n) s.chain.push_front({n, Name()});
  for (int n = Few(); n > 0; --n) s.queue.push(Name());
  for (int n = Few(); n > 0; --n) s.stack.push(n);
}

void FillMaps(truth::Sample& s) {
  for (int n = Count() * 2; n > 0; --n) s.names[Random(1000)] = Name();
  for (int n = Count(); n > 0; --n) s.index[Name()] = Ints(Few());
  for (int n = Few(); n > 0; --n) {
    auto& inner = s.deep[Name()];
    for (int m = Few(); m > 0; --m) {
      auto& list = inner[Random(10)];
      for (int k = Few(); k > 0; --k) list.push_back(Name());
    }
  }
  for (int n = Count(); n > 0; --n) s.many.emplace(Random(5), Leaf{n, Name()});
  for (int n = Count(); n > 0; --n) s.keys.insert(Name());
  for (int n = Count() * 2; n > 0; --n) s.bag.insert(Random(10));
  for (int n = Count(); n > 0; --n) s.counts[Name()] = n;
  for (int n = Count(); n > 0; --n) s.prices[Random(1000)] = {Name(), Random(100) * 0.5};
  for (int n = Count() * 2; n > 0; --n) s.ids.insert(Random(1000000));
  for (int n = Count(); n > 0; --n) s.edges.emplace(Random(4), n);
}

void FillOthers(truth::Sample& s) {
  if (Random(2) == 1) s.maybe = Name();
  if (Random(2) == 1) s.maybe_map = std::map<int, int>{{1, Random(9)}, {2, 3}};
  switch (Random(3)) {
    case 0:
      s.choice = Random(100);
      break;
    case 1:
      s.choice = Name();
      break;
    default:
      s.choice = std::vector<Leaf>{{1, Name()}, {2, Name()}};
  }
  for (int n = Count(); n > 0; --n) {
    switch (Random(4)) {
      case 0:
        s.choices.push_back(Random(2) == 1);
        break;
      case 1:
        s.choices.push_back(Name());
        break;
      case 2:
        s.choices.push_back(std::optional<int>());
        break;
      default:
        s.choices.push_back(std::optional<int>(n));
    }
  }
  s.triple = {Random(100), Name(), Ints(Few())};
  s.couple.first = Name();
  for (int n = Few(); n > 0; --n) s.couple.second.insert(n);
  if (Random(3) != 0)
    s.owner = std::make_unique<std::map<int, std::string>>(std::map<int, std::string>{{Random(9), Name()}});
  if (Random(3) != 0) s.shared = std::make_shared<std::vector<std::string>>(std::vector<std::string>{Name(), Name()});
  const auto common = std::make_shared<Leaf>(Leaf{1, Name()});
  for (int n = Few(); n > 0; --n) {
    s.pointers.push_back(Random(2) == 1 ? common : Random(2) == 1 ? nullptr : std::make_shared<Leaf>(Leaf{n, Name()}));
  }
  watched = std::make_shared<Leaf>(Leaf{Random(9), Name()});
  s.watcher = watched;
  if (Random(2) == 1) watched.reset();
  for (int n = Count(); n > 0; --n) s.bits.set(static_cast<std::size_t>(Random(70)));
  s.counter = Random(1000);
  s.elapsed = std::chrono::milliseconds(Random(100000) - 50000);
  s.age = std::chrono::hours(Random(100));
  s.path = "/tmp/" + std::to_string(Random(1000));
  viewed = Name();
  s.view = viewed;
  window = Ints(Count());
  s.window = window;
  s.tree = RandomTree(2);
}

template <typename Adaptor>
const typename Adaptor::container_type& Inside(const Adaptor& adaptor) {
  struct Access : Adaptor {
    static const typename Adaptor::container_type& Get(const Adaptor& of) { return of.*(&Access::c); }
  };
  return Access::Get(adaptor);
}

using Expectations = std::map<std::string, std::string>;

Expectations Expected(const truth::Sample& s) {
  Expectations e;
  e["s.strings"] = Text(s.strings);
  e["s.leaves"] = Text(s.leaves);
  e["s.flags"] = Text(s.flags);
  e["s.pair_of_strings"] = Text(s.pair_of_strings);
  e["s.numbers"] = List(s.numbers);
  e["s.words"] = List(s.words);
  e["s.large"] = List(s.large);
  e["s.lines"] = Text(s.lines);
  e["s.rows"] = Text(s.rows);
  e["s.chain"] = List(s.chain);
  e["s.names"] = Text(s.names);
  e["s.index"] = Text(s.index);
  e["s.deep"] = Text(s.deep);
  e["s.many"] = MapText(s.many);
  e["s.keys"] = Text(s.keys);
  e["s.bag"] = List(s.bag);
  e["s.counts"] = MapText(s.counts);
  e["s.prices"] = MapText(s.prices);
  e["s.ids"] = List(s.ids);
  e["s.edges"] = MapText(s.edges);
  e["s.maybe"] = Root(s.maybe);
  e["s.maybe_map"] = Text(s.maybe_map);
  e["s.choice"] = Root(s.choice);
  e["s.choices"] = Text(s.choices);
  e["s.triple"] =
      "{" + Text(std::get<0>(s.triple)) + ", " + Text(std::get<1>(s.triple)) + ", " + Text(std::get<2>(s.triple)) + "}";
  e["s.couple"] = Text(s.couple);
  e["s.owner"] = s.owner ? Text(*s.owner) : "nullptr";
  e["s.shared"] = Text(s.shared);
  e["s.pointers"] = Text(s.pointers);
  e["s.watcher"] = watched ? Text(*watched) : "expired";
  e["s.bits"] = s.bits.to_string();
  e["s.counter"] = Text(s.counter.load());
  e["s.elapsed"] = std::to_string(s.elapsed.count()) + "ms";
  e["s.age"] = std::to_string(s.age.count()) + "h";
  e["s.path"] = s.path.string();
  e["s.queue"] = List(Inside(s.queue));
  e["s.stack"] = List(Inside(s.stack));
  e["s.view"] = Root(s.view);
  e["s.window"] = List(s.window);
  e["s.tree"] = Text(s.tree);
  e["s.strings.size()"] = std::to_string(s.strings.size());
  e["s.names.size()"] = std::to_string(s.names.size());
  e["s.numbers.empty()"] = Text(s.numbers.empty());
  e["s.ids.size() > 2"] = Text(s.ids.size() > 2);
  e["s.maybe.has_value()"] = Text(s.maybe.has_value());
  e["s.choice.index()"] = std::to_string(s.choice.index());
  e["s.couple.first == \"a\""] = Text(s.couple.first == "a");
  e["s.view != \"x1\""] = Text(s.view != "x1");
  e["s.path == \"/tmp/7\""] = Text(s.path == "/tmp/7");
  e["(long)s.counter.load() * 2"] = std::to_string(s.counter.load() * 2L);
  e["s.elapsed.count() % 7"] = std::to_string(s.elapsed.count() % 7);
  return e;
}

void PrintTruth(int i, const Expectations& expectations) {
  std::string line = "{\"i\": " + std::to_string(i) + ", \"expect\": {";
  const char* separator = "";
  for (const auto& [expression, text] : expectations) {
    line += separator + JsonText(expression) + ": " + JsonText(text);
    separator = ", ";
  }
  std::puts((line + "}}").c_str());
  std::fflush(stdout);
}

}  // namespace

int main() {
  int sum = 0;
  for (int i = 0; i < 100000; ++i) {
    truth::Sample s{};
    s.round = i;
    FillSequences(s);
    FillMaps(s);
    FillOthers(s);
    PrintTruth(i, Expected(s));
    sum += truth::Probe(s, i);
    usleep(10000);
  }
  return sum == 0 ? 0 : 1;
}
