// SPDX-License-Identifier: Apache-2.0
#include "daemon/format/type_name.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "daemon/format/text_escape.h"

namespace dlog::format {
namespace {

constexpr size_t kMaxPointers = 4;

constexpr std::array<std::pair<char, std::string_view>, 19> kFundamental = {{{'v', "void"},
                                                                             {'w', "wchar_t"},
                                                                             {'b', "bool"},
                                                                             {'c', "char"},
                                                                             {'a', "signed char"},
                                                                             {'h', "unsigned char"},
                                                                             {'s', "short"},
                                                                             {'t', "unsigned short"},
                                                                             {'i', "int"},
                                                                             {'j', "unsigned int"},
                                                                             {'l', "long"},
                                                                             {'m', "unsigned long"},
                                                                             {'x', "long long"},
                                                                             {'y', "unsigned long long"},
                                                                             {'n', "__int128"},
                                                                             {'o', "unsigned __int128"},
                                                                             {'f', "float"},
                                                                             {'d', "double"},
                                                                             {'e', "long double"}}};

bool Skip(std::string_view prefix, std::string_view* text) {
  if (!text->starts_with(prefix)) return false;
  text->remove_prefix(prefix.size());
  return true;
}

// "5Order".
bool AppendSourceName(std::string_view* text, std::string* out) {
  size_t length = 0;
  const auto digits = std::from_chars(text->data(), text->data() + text->size(), length);
  const auto used = static_cast<size_t>(digits.ptr - text->data());
  if (digits.ec != std::errc() || length == 0 || length > text->size() - used) return false;
  const std::string_view name = text->substr(used, length);
  if (!IsPlain(name)) return false;
  if (!out->empty()) out->append("::");
  out->append(name.starts_with("_GLOBAL__N") ? "(anonymous namespace)" : name);
  text->remove_prefix(used + length);
  return true;
}

// A class, which has to be all of the text.
std::string ClassName(std::string_view text) {
  if (text == "NSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE") return "std::string";
  std::string out;
  const bool nested = Skip("N", &text);
  if (nested && !text.ends_with('E')) return {};
  if (nested) text.remove_suffix(1);
  if (Skip("St", &text)) out = "std";
  size_t parts = 0;
  while (!text.empty() && AppendSourceName(&text, &out)) ++parts;
  return text.empty() && parts != 0 && (nested || parts == 1) ? out : std::string();
}

}  // namespace

std::string TypeNameText(std::string_view mangled) {
  Skip("*", &mangled);  // of a class that no other file can name
  size_t pointers = 0;
  while (pointers < kMaxPointers && Skip("P", &mangled)) ++pointers;
  const bool is_const = Skip("K", &mangled);
  std::string out;
  if (mangled.size() == 1) {
    const auto* known = std::find_if(kFundamental.begin(), kFundamental.end(),
                                     [&](const auto& fundamental) { return fundamental.first == mangled.front(); });
    if (known != kFundamental.end()) out = known->second;
  } else {
    out = ClassName(mangled);
  }
  if (out.empty()) return out;
  return (is_const ? "const " : "") + out + std::string(pointers, '*');
}

}  // namespace dlog::format
