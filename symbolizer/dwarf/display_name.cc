// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "symbolizer/dwarf/type_graph.h"

namespace dlog::dwarf {
namespace {

constexpr int kMaxTemplateNesting = 64;
constexpr size_t kMaxDisplayedName = 16384;

// What may be left out of the argument list of a standard template: its defaults.
enum class Default {
  kAllocator,   // std::allocator<anything>: it is rebound to the element type anyway
  kCharTraits,  // std::char_traits<T1>
  kDeleter,     // std::default_delete<T1>
  kLess,        // std::less<T1>
  kHash,        // std::hash<T1>
  kEqualTo,     // std::equal_to<T1>
  kDeque,       // std::deque<T1>
  kVector,      // std::vector<T1>
};

struct Template {
  std::string_view name;
  size_t kept;  // leading arguments without a default
  std::vector<Default> defaults;
};

const std::vector<Template>& Templates() {
  using enum Default;
  static const auto& table = *new std::vector<Template>{
      {"std::vector", 1, {kAllocator}},
      {"std::deque", 1, {kAllocator}},
      {"std::list", 1, {kAllocator}},
      {"std::forward_list", 1, {kAllocator}},
      {"std::set", 1, {kLess, kAllocator}},
      {"std::multiset", 1, {kLess, kAllocator}},
      {"std::map", 2, {kLess, kAllocator}},
      {"std::multimap", 2, {kLess, kAllocator}},
      {"std::unordered_set", 1, {kHash, kEqualTo, kAllocator}},
      {"std::unordered_multiset", 1, {kHash, kEqualTo, kAllocator}},
      {"std::unordered_map", 2, {kHash, kEqualTo, kAllocator}},
      {"std::unordered_multimap", 2, {kHash, kEqualTo, kAllocator}},
      {"std::unique_ptr", 1, {kDeleter}},
      {"std::stack", 1, {kDeque}},
      {"std::queue", 1, {kDeque}},
      {"std::priority_queue", 1, {kVector, kLess}},
      {"std::basic_string", 1, {kCharTraits, kAllocator}},
      {"std::basic_string_view", 1, {kCharTraits}},
      {"std::basic_ostream", 1, {kCharTraits}},
      {"std::basic_istream", 1, {kCharTraits}},
      {"std::basic_iostream", 1, {kCharTraits}},
      {"std::basic_ios", 1, {kCharTraits}},
      {"std::basic_stringstream", 1, {kCharTraits, kAllocator}},
      {"std::basic_ostringstream", 1, {kCharTraits, kAllocator}},
      {"std::basic_istringstream", 1, {kCharTraits, kAllocator}},
  };
  return table;
}

struct Alias {
  std::string_view from;
  std::string_view to;
};
constexpr Alias kAliases[] = {
    {"std::basic_string<char>", "std::string"},
    {"std::basic_string<wchar_t>", "std::wstring"},
    {"std::basic_string<char8_t>", "std::u8string"},
    {"std::basic_string<char16_t>", "std::u16string"},
    {"std::basic_string<char32_t>", "std::u32string"},
    {"std::basic_string_view<char>", "std::string_view"},
    {"std::basic_string_view<wchar_t>", "std::wstring_view"},
    {"std::basic_string_view<char8_t>", "std::u8string_view"},
    {"std::basic_string_view<char16_t>", "std::u16string_view"},
    {"std::basic_string_view<char32_t>", "std::u32string_view"},
    {"std::basic_ostream<char>", "std::ostream"},
    {"std::basic_istream<char>", "std::istream"},
    {"std::basic_iostream<char>", "std::iostream"},
    {"std::basic_ios<char>", "std::ios"},
    {"std::basic_stringstream<char>", "std::stringstream"},
    {"std::basic_ostringstream<char>", "std::ostringstream"},
    {"std::basic_istringstream<char>", "std::istringstream"},
};

bool IsNameCharacter(char c) {
  return c == '_' || c == ':' || c == '$' || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

// Position of the bracket that closes the '<' at `open`; npos when the name is not well-formed.
size_t CloseOf(std::string_view text, size_t open) {
  std::string expected;
  for (size_t i = open; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '<') expected.push_back('>');
    if (c == '(') expected.push_back(')');
    if (c == '[') expected.push_back(']');
    if (c == '{') expected.push_back('}');
    const bool closes = c == '>' || c == ')' || c == ']' || c == '}';
    // "->" and comparisons inside parentheses are no brackets.
    if (!closes || expected.empty() || expected.back() != c || (c == '>' && text[i - 1] == '-')) continue;
    expected.pop_back();
    if (expected.empty()) return i;
  }
  return std::string_view::npos;
}

std::vector<std::string_view> SplitArguments(std::string_view text) {
  std::vector<std::string_view> out;
  int depth = 0;
  size_t begin = 0;
  auto add = [&](size_t end) {
    std::string_view part = text.substr(begin, end - begin);
    while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
    while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
    out.push_back(part);
    begin = end + 1;
  };
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '<' || c == '(' || c == '[' || c == '{') ++depth;
    if ((c == '>' && (i == 0 || text[i - 1] != '-')) || c == ')' || c == ']' || c == '}') --depth;
    if (c == ',' && depth == 0) add(i);
  }
  add(text.size());
  return out;
}

bool IsDefault(Default kind, const std::string& argument, const std::string& first) {
  switch (kind) {
    case Default::kAllocator:
      return argument.starts_with("std::allocator<");
    case Default::kCharTraits:
      return argument == "std::char_traits<" + first + ">";
    case Default::kDeleter:
      return argument == "std::default_delete<" + first + ">";
    case Default::kLess:
      return argument == "std::less<" + first + ">";
    case Default::kHash:
      return argument == "std::hash<" + first + ">";
    case Default::kEqualTo:
      return argument == "std::equal_to<" + first + ">";
    case Default::kDeque:
      return argument == "std::deque<" + first + ">";
    case Default::kVector:
      return argument == "std::vector<" + first + ">";
  }
  return false;
}

void DropDefaults(std::string_view name, std::vector<std::string>& arguments) {
  for (const Template& candidate : Templates()) {
    if (candidate.name != name) continue;
    // Only trailing arguments can be left out.
    while (arguments.size() > candidate.kept && arguments.size() <= candidate.kept + candidate.defaults.size() &&
           IsDefault(candidate.defaults[arguments.size() - candidate.kept - 1], arguments.back(), arguments.front())) {
      arguments.pop_back();
    }
  }
}

// Removes the inline namespaces of libstdc++ and libc++ at the end of a name being built.
void DropInlineNamespace(std::string& out) {
  for (const std::string_view part : {"std::__cxx11::", "std::__1::"}) {
    if (std::string_view(out).ends_with(part)) out.resize(out.size() - part.size() + std::string_view("std::").size());
  }
}

std::string Simplify(std::string_view text, int depth) {
  if (depth > kMaxTemplateNesting) return std::string(text);
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const size_t close = c == '<' ? CloseOf(text, i) : std::string_view::npos;
    if (close == std::string_view::npos) {
      out.push_back(c);
      if (c == ':') DropInlineNamespace(out);
      continue;
    }
    std::vector<std::string> arguments;
    for (const std::string_view argument : SplitArguments(text.substr(i + 1, close - i - 1))) {
      arguments.push_back(Simplify(argument, depth + 1));
    }
    size_t begin = out.size();
    while (begin > 0 && IsNameCharacter(out[begin - 1])) --begin;
    DropDefaults(std::string_view(out).substr(begin), arguments);
    out += '<';
    for (size_t a = 0; a < arguments.size(); ++a) out += (a == 0 ? "" : ", ") + arguments[a];
    out += '>';
    for (const Alias& alias : kAliases) {
      if (std::string_view(out).substr(begin) == alias.from) out.replace(begin, std::string::npos, alias.to);
    }
    i = close;
  }
  return out;
}

}  // namespace

std::string DisplayTypeName(std::string_view raw_name) {
  // Finding brackets costs the square of the length in hostile names; real ones this long cannot be read anyway.
  return raw_name.size() > kMaxDisplayedName ? std::string(raw_name) : Simplify(raw_name, 0);
}

}  // namespace dlog::dwarf
