// SPDX-License-Identifier: Apache-2.0
//
// The rarer types of the standard library, with constant contents; scenarios/library_types.py knows what has to be
// seen.
#include <unistd.h>

#include <any>
#include <bitset>
#include <chrono>
#include <complex>
#include <deque>
#include <exception>
#include <expected>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

void Keep(const void* object);

namespace library {

struct Leaf {
  int id;
  std::string name;
};

int Twice(int x) { return 2 * x; }

struct Sample {
  std::vector<int> numbers = {10, 20, 30};
  std::deque<long> queue = {1, 2};
  std::list<std::string> lines = {"first", "second"};
  std::map<int, Leaf> orders = {{7, {70, "seven"}}, {42, {420, "forty-two"}}};
  std::map<std::string, int> stock = {{"apple", 3}, {"pear", 0}};
  std::unordered_map<long, std::string> by_id = {{5, "five"}, {9, "nine"}};
  std::unordered_map<std::string, Leaf> by_name = {{"k", {1, "one"}}};
  std::vector<std::map<int, int>> tables = {{}, {{1, 10}, {2, 20}}};
  std::map<int, std::map<std::string, int>> nested = {{1, {{"a", 5}}}, {2, {}}};
  std::set<int> keys = {3, 4};
  std::vector<int>::iterator second = numbers.begin() + 1;
  std::deque<long>::iterator in_queue = queue.begin();
  std::list<std::string>::iterator in_lines = lines.begin();
  std::map<int, Leaf>::iterator in_orders = orders.find(42);
  std::unordered_map<long, std::string>::iterator in_ids = by_id.find(9);
  std::set<int>::iterator in_keys = keys.begin();

  Leaf leaf = {3, "leaf"};
  std::reference_wrapper<Leaf> reference = leaf;
  std::initializer_list<int> listed;
  std::bitset<12> bits{0x0f5};
  std::bitset<70> wide{5};
#ifdef __cpp_lib_expected
  std::expected<int, std::string> good = 5;
  std::expected<int, std::string> bad = std::unexpected<std::string>("broken");
#endif
  std::mutex free_lock;
  std::mutex held_lock;
  std::recursive_mutex recursive;
  std::thread::id nobody;
  std::filesystem::path path = "/tmp/a file";
  std::function<int(int)> nothing;
  std::function<int(int)> twice = Twice;
  std::exception_ptr no_exception;
  std::exception_ptr exception;
  std::ostringstream out;
  std::istringstream in{"to be read"};
  std::stringstream both;
  std::complex<double> z{1.5, -2};
  std::any empty_any;
  std::any any = 7;

  std::chrono::nanoseconds nanoseconds{-5};
  std::chrono::duration<double> seconds{1.5};
  std::chrono::minutes minutes{90};
  std::chrono::system_clock::time_point when{std::chrono::milliseconds(1700000000123)};
  std::chrono::time_point<std::chrono::system_clock, std::chrono::seconds> whole{std::chrono::seconds(1700000000)};
  std::chrono::steady_clock::time_point since_boot{std::chrono::seconds(12)};

  int error = 2;
  const char* text = "a text";
  const char16_t* wide_text = u"z\u00e9\U0001f600";
  char bytes[3] = {'a', 'b', 'c'};
  int count = 2;
  int* pointer = numbers.data();
};

__attribute__((noinline)) int Probe(const Sample& s) {
  Keep(&s);  // the logpoint
  return s.leaf.id;
}

}  // namespace library

int main() {
  const std::initializer_list<int> listed = {4, 5, 6};
  library::Sample s;
  s.listed = listed;
  s.held_lock.lock();
  s.recursive.lock();
  s.recursive.lock();
  try {
    throw std::runtime_error("thrown");
  } catch (...) {
    s.exception = std::current_exception();
  }
  s.out << "written " << 7;
  s.both << "more text than fits the string itself";
  int sum = 0;
  for (int i = 0; i < 100000; ++i) {
    sum += library::Probe(s);
    usleep(10000);
  }
  return sum == 0 ? 0 : 1;
}
