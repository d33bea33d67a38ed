// SPDX-License-Identifier: Apache-2.0
//
// Values of many types, and the truth about them: before each call of Probe the program prints one JSON object
// {"i": N, "expect": {EXPRESSION: TEXT, ...}} with the text that dlog has to show, made without dlog's help.
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

void Keep(const void* object);

namespace truth {

enum class Color : unsigned char { RED, GREEN, BLUE };
enum Access { READ = 1, WRITE = 2, EXECUTE = 4 };

struct Point {
  int x;
  int y;
};

struct Base {
  int id;
};

struct Derived : Base {
  short weight;
  std::string label;
};

struct Bits {
  unsigned low : 3;
  signed middle : 5;
  unsigned high : 9;
};

union Overlay {
  int whole;
  char bytes[4];
};

struct Sample {
  bool flag;
  char letter;
  short small;
  unsigned short usmall;
  unsigned word;
  long long big;
  unsigned long long ubig;
  double ratio;
  float single;
  Color color;
  Access access;
  Point point;
  Point* where;
  int numbers[3];
  int grid[2][2];
  Derived derived;
  Bits bits;
  Overlay overlay;
  std::string text;
  std::vector<int> ints;
  std::vector<std::string> words;
  std::vector<Point> points;
  std::optional<int> maybe;
  std::unique_ptr<Point> owner;
  std::shared_ptr<Point> shared;
  const char* name;
  int* null;
};

int Probe(const Sample& s, int i, const char* name, Point* where) {
  long scaled = i * 3L;
  Keep(&s);  // the logpoint: everything below is still needed
  Keep(name);
  Keep(where);
  return static_cast<int>(scaled) + i;
}

}  // namespace truth

namespace {

using Expectations = std::map<std::string, std::string>;

std::string Number(long long value) { return std::to_string(value); }

std::string PointText(int x, int y) { return "{x = " + Number(x) + ", y = " + Number(y) + "}"; }

std::string Quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
    }
    out += c;
  }
  return out + "\"";
}

// Fills the sample for round `i` and says what has to be seen.
Expectations Fill(truth::Sample& s, int i) {
  static const char* const kColors[] = {"RED", "GREEN", "BLUE"};
  static const char* const kAccess[] = {"(Access)0", "READ", "WRITE", "(READ | WRITE)", "EXECUTE"};
  Expectations e;
  s.flag = i % 2 == 1;
  e["s.flag"] = s.flag ? "true" : "false";
  s.letter = static_cast<char>('a' + i % 26);
  e["s.letter"] = std::string("'") + s.letter + "'";
  s.small = static_cast<short>(-i);
  e["s.small"] = Number(-i);
  s.usmall = static_cast<unsigned short>(65535 - i);
  e["s.usmall"] = Number(65535 - i);
  s.word = 4000000000U + static_cast<unsigned>(i);
  e["s.word"] = std::to_string(s.word);
  s.big = INT64_MIN + i;
  e["s.big"] = std::to_string(s.big);
  s.ubig = UINT64_MAX - static_cast<unsigned>(i);
  e["s.ubig"] = std::to_string(s.ubig);
  s.ratio = i + 0.25;
  e["s.ratio"] = Number(i) + ".25";
  s.single = static_cast<float>(i) + 0.5F;
  e["s.single"] = Number(i) + ".5";
  s.color = static_cast<truth::Color>(i % 3);
  e["s.color"] = kColors[i % 3];
  s.access = static_cast<truth::Access>(1 + i % 4);
  e["s.access"] = kAccess[1 + i % 4];
  s.point = {i, -i};
  e["s.point"] = PointText(i, -i);
  e["s.point.y"] = Number(-i);
  s.where->x = i + 1;
  s.where->y = i + 2;
  e["*s.where"] = PointText(i + 1, i + 2);
  e["s.where->x"] = Number(i + 1);
  e["where->y"] = Number(i + 2);
  e["where == s.where"] = "true";
  for (int n = 0; n < 3; ++n) {
    s.numbers[n] = i + n;
    s.grid[n % 2][n / 2] = i * n;
  }
  s.grid[1][1] = 5;
  e["s.numbers"] = "{" + Number(i) + ", " + Number(i + 1) + ", " + Number(i + 2) + "}";
  e["s.numbers[2]"] = Number(i + 2);
  e["s.grid"] = "{{0, " + Number(i * 2) + "}, {" + Number(i) + ", 5}}";
  s.derived.id = i;
  s.derived.weight = static_cast<short>(i % 100);
  s.derived.label = "d" + Number(i);
  e["s.derived"] = "{<truth::Base> = {id = " + Number(i) + "}, weight = " + Number(i % 100) +
                   ", label = " + Quoted(s.derived.label) + "}";
  e["s.derived.id"] = Number(i);
  s.bits.low = static_cast<unsigned>(i) % 8;
  s.bits.middle = i % 16 - 8;
  s.bits.high = static_cast<unsigned>(i) % 512;
  e["s.bits"] = "{low = " + Number(i % 8) + ", middle = " + Number(i % 16 - 8) + ", high = " + Number(i % 512) + "}";
  e["s.bits.middle"] = Number(i % 16 - 8);
  s.overlay.whole = i;
  e["s.overlay.whole"] = Number(i);
  // Short strings live inside the object, long ones on the heap.
  s.text = i % 2 == 0 ? "short " + Number(i) : std::string(static_cast<std::size_t>(40 + i % 60), 'x') + Number(i);
  e["s.text"] = s.text;
  s.ints.clear();
  for (int n = 0; n < i % 4; ++n) {
    s.ints.push_back(i * 10 + n);
  }
  std::string ints;
  for (int value : s.ints) {
    ints += (ints.empty() ? "" : ", ") + Number(value);
  }
  e["s.ints"] = "{" + ints + "}";
  s.words = {"w" + Number(i), "with \"quotes\"", ""};
  e["s.words"] = "{" + Quoted(s.words[0]) + ", " + Quoted(s.words[1]) + ", \"\"}";
  e["s.words[0]"] = s.words[0];
  s.points = {{i, 1}, {2, i}};
  e["s.points"] = "{" + PointText(i, 1) + ", " + PointText(2, i) + "}";
  e["s.points[1].y"] = Number(i);
  s.maybe = i % 2 == 0 ? std::optional<int>(i) : std::nullopt;
  e["s.maybe"] = i % 2 == 0 ? Number(i) : "nullopt";
  s.owner = i % 3 == 0 ? nullptr : std::make_unique<truth::Point>(truth::Point{i, i});
  e["s.owner"] = i % 3 == 0 ? "nullptr" : PointText(i, i);
  s.shared = i % 5 == 0 ? nullptr : std::make_shared<truth::Point>(truth::Point{-i, i});
  e["s.shared"] = i % 5 == 0 ? "nullptr" : PointText(-i, i);
  s.name = i % 7 == 0 ? nullptr : "a C string";
  e["s.name"] = i % 7 == 0 ? "nullptr" : "a C string";
  e["s.null"] = "nullptr";
  char pointer[32];
  std::snprintf(pointer, sizeof pointer, "%p", static_cast<void*>(s.where));
  e["s.where"] = pointer;
  e["where"] = pointer;
  e["i"] = Number(i);
  e["scaled"] = Number(i * 3L);
  e["name"] = "named";
  e["i * 2 + 1"] = Number(i * 2 + 1);
  e["scaled / 3 == i"] = "true";
  e["i % 2 == 1 && s.flag"] = s.flag ? "true" : "false";
  e["-i < 0 || !s.flag"] = (-i < 0 || !s.flag) ? "true" : "false";
  return e;
}

void PrintTruth(int i, const Expectations& expectations) {
  std::string line = "{\"i\": " + Number(i) + ", \"expect\": {";
  const char* separator = "";
  for (const auto& [expression, text] : expectations) {
    line += separator + Quoted(expression) + ": " + Quoted(text);
    separator = ", ";
  }
  std::puts((line + "}}").c_str());
  std::fflush(stdout);
}

}  // namespace

int main() {
  truth::Point where{};
  truth::Sample s{};
  s.where = &where;
  int sum = 0;
  for (int i = 0; i < 100000; ++i) {
    PrintTruth(i, Fill(s, i));
    sum += truth::Probe(s, i, "named", &where);
    usleep(10000);
  }
  return sum == 0 ? 0 : 1;
}
