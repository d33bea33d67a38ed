// SPDX-License-Identifier: Apache-2.0
//
// One variable of each kind of type, all reachable from main's `zoo` MARK line.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "zoo.h"

namespace zoo {

enum class Color : uint8_t { RED, GREEN = 5, BLUE = 200 };
enum Flags { A = 1, B = 2, C = 4 };
enum Signed { MINUS = -2, PLUS = 3 };

struct Base {
  virtual ~Base() = default;
  int base_value = 1;
};
struct Other {
  long other_value = 2;
};
struct Derived : Base, Other {
  char letter = 'd';
};
struct Diamond : virtual Other {
  int own = 3;
};

struct Bits {
  unsigned low : 3;
  int middle : 7;
  unsigned long high : 40;
  bool flag : 1;
};

struct __attribute__((packed)) Packed {
  char c;
  int i;
};

union Either {
  int as_int;
  float as_float;
};

struct Anonymous {
  int tag;
  union {
    int i;
    double d;
  };
  static int not_a_field;
};
int Anonymous::not_a_field = 9;
static volatile int same_name = 10;  // zoo_other.cc has one too

struct Node {
  int value;
  Node* next;
};

struct Flexible {
  int size;
  char data[];
};

}  // namespace zoo

int main(int argc, char** argv) {
  bool boolean = true;
  char character = 'c';
  signed char small = -1;
  unsigned char byte = 200;
  char16_t wide16 = u'x';
  char32_t wide32 = U'y';
  wchar_t wide = L'z';
  short number16 = -3;
  unsigned long number64 = 7;
  __int128 number128 = 5;
  float single = 1.5f;
  double real = 2.5;
  long double extended = 3.5L;
  zoo::Color color = zoo::Color::GREEN;
  zoo::Flags flags = static_cast<zoo::Flags>(zoo::A | zoo::C);
  zoo::Signed sign = zoo::MINUS;
  zoo::Derived derived;
  zoo::Diamond diamond;
  zoo::Bits bits{1, -2, 3, true};
  zoo::Packed packed{'p', 4};
  zoo::Either either{7};
  zoo::Anonymous anonymous{1, {2}};
  zoo::Node node{1, nullptr};
  int matrix[2][3] = {{1, 2, 3}, {4, 5, 6}};
  const char* text = "text";
  char* const fixed_pointer = argv[0];
  const char* const* strings = argv;
  int& reference = argc;
  int&& temporary = 5;
  int (*function)(int, char**) = main;
  int(*array_pointer)[3] = matrix;
  int zoo::Node::*member_pointer = &zoo::Node::value;
  std::nullptr_t null = nullptr;
  volatile int hot = 3;
  zoo::Flexible* flexible = reinterpret_cast<zoo::Flexible*>(&matrix[0][0]);
  std::string string = "s";
  std::vector<zoo::Node> vector{node};
  std::map<int, std::string> map{{1, "one"}};
  std::unordered_map<std::string, int> table{{"two", 2}};
  std::unique_ptr<zoo::Node> owner = std::make_unique<zoo::Node>();
  std::string_view view = string;
  zoo::Holder* holder = zoo::MakeHolder();
  int used = argc + reference + temporary + flexible->size + zoo::Use(holder) + zoo::same_name;
  std::printf("%d %s\n", used, text);  // MARK: zoo
  (void)function, (void)array_pointer;
  (void)boolean, (void)character, (void)small, (void)byte, (void)wide16, (void)wide32, (void)wide, (void)number16;
  (void)number64, (void)number128, (void)single, (void)real, (void)extended, (void)color, (void)flags, (void)sign;
  (void)derived, (void)diamond, (void)bits, (void)packed, (void)either, (void)anonymous, (void)fixed_pointer;
  (void)strings, (void)member_pointer, (void)null, (void)hot, (void)flexible, (void)view;
  return static_cast<int>(map.size() + table.size() + vector.size()) == 0 && owner == nullptr;
}
