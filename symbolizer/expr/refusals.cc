// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/expr/refusals.h"

#include <algorithm>
#include <cstddef>
#include <iterator>

namespace dlog::expr {
namespace {

constexpr char kAssignment[] = "assignment is not allowed: a log line must not change the program";

struct Refusal {
  std::string_view text;
  const char* reason;
};

// What may follow an operand in C++ but not here.
constexpr Refusal kRefusedPunctuators[] = {
    {"=", "assignment is not allowed: a log line must not change the program (did you mean '=='?)"},
    {"+=", kAssignment},
    {"-=", kAssignment},
    {"*=", kAssignment},
    {"/=", kAssignment},
    {"%=", kAssignment},
    {"&=", kAssignment},
    {"|=", kAssignment},
    {"^=", kAssignment},
    {"<<=", kAssignment},
    {">>=", kAssignment},
    {"++", "'++' is not allowed: a log line must not change the program"},
    {"--", "'--' is not allowed: a log line must not change the program"},
    {"(", kNoCalls},
    {"?", "'?:' is not supported: show both values instead"},
    {"<=>", "'<=>' is not supported"},
    {".*", "pointers to members are not supported"},
    {"->*", "pointers to members are not supported"},
    {",", "the comma operator is not supported"},
    {";", "statements are not supported: one expression is expected"},
    {"{", "braced initializers are not supported"},
};

constexpr Refusal kRefusedWords[] = {
    {"new", "'new' is not allowed: a log line must not change the program"},
    {"delete", "'delete' is not allowed: a log line must not change the program"},
    {"throw", "'throw' is not allowed: a log line must not change the program"},
    {"co_await", "'co_await' is not allowed: a log line must not change the program"},
    {"co_yield", "'co_yield' is not allowed: a log line must not change the program"},
    {"const_cast", kNoCasts},
    {"dynamic_cast", kNoCasts},
    {"sizeof", "'sizeof' is not supported"},
    {"alignof", "'alignof' is not supported"},
    {"typeid", "'typeid' is not supported"},
    {"decltype", "'decltype' is not supported"},
    {"noexcept", "'noexcept' is not supported"},
    {"operator", "operators cannot be named in an expression"},
    {"template", "template arguments are not supported in names"},
    {"typename", "types are not supported in expressions"},
};

// Words that begin a type: a cast, or a functional cast.
constexpr std::string_view kTypeWords[] = {
    "auto", "bool", "char",  "char8_t", "char16_t", "char32_t", "class",    "const", "double",   "enum",    "float",
    "int",  "long", "short", "signed",  "struct",   "union",    "unsigned", "void",  "volatile", "wchar_t",
};

// Words that are no names and have no reason of their own.
constexpr std::string_view kOtherKeywords[] = {
    "alignas",   "asm",          "break",     "case",     "catch",    "concept", "consteval", "constexpr",
    "constinit", "continue",     "co_return", "default",  "do",       "else",    "explicit",  "export",
    "extern",    "for",          "friend",    "goto",     "if",       "inline",  "mutable",   "namespace",
    "private",   "protected",    "public",    "register", "requires", "return",  "static",    "static_assert",
    "switch",    "thread_local", "try",       "typedef",  "using",    "virtual", "while",
};

constexpr std::string_view kAccessors[] = {
    "size",      "length", "empty", "front", "back",      "data",  "c_str",
    "has_value", "value",  "get",   "index", "use_count", "count", "load",
};

template <size_t N>
bool Contains(const std::string_view (&list)[N], std::string_view word) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

template <size_t N>
const char* ReasonOf(const Refusal (&list)[N], std::string_view text) {
  for (const Refusal& refusal : list) {
    if (refusal.text == text) return refusal.reason;
  }
  return nullptr;
}

}  // namespace

const char* RefusalOfPunctuator(std::string_view punctuator) { return ReasonOf(kRefusedPunctuators, punctuator); }

const char* RefusalOfWord(std::string_view word) { return ReasonOf(kRefusedWords, word); }

bool IsAccessor(std::string_view word) { return Contains(kAccessors, word); }

bool IsTypeWord(std::string_view word) { return Contains(kTypeWords, word); }

bool IsOtherKeyword(std::string_view word) { return Contains(kOtherKeywords, word); }

}  // namespace dlog::expr
