// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/names.h"

#include <cxxabi.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/symbols.h"
#include "symbolizer/dwarf/type_name.h"
#include "symbolizer/dwarf/unit_index.h"

namespace dlog::dwarf {
namespace {

constexpr std::string_view kOperator = "operator";

bool IsIdentifier(char c) {
  return c == '_' || c == '$' || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

// Length of the symbol of an operator name at `at` ("operator<<", "operator()"), 0 when there is none.
size_t OperatorAt(std::string_view name, size_t at) {
  if (name.substr(at, kOperator.size()) != kOperator) return 0;
  if (at > 0 && IsIdentifier(name[at - 1])) return 0;
  size_t end = at + kOperator.size();
  if (end < name.size() && IsIdentifier(name[end])) return 0;
  while (end < name.size() && name[end] == ' ') ++end;
  static constexpr std::string_view kSymbols[] = {
      "()", "[]", "<=>", "->*", "<<=", ">>=", "<<", ">>", "->", "<=", ">=", "==", "!=",
      "&&", "||", "++",  "--",  "+=",  "-=",  "*=", "/=", "%=", "&=", "|=", "^=", "<",
      ">",  "+",  "-",   "*",   "/",   "%",   "&",  "|",  "^",  "~",  "!",  "=",  ","};
  for (const std::string_view symbol : kSymbols) {
    if (name.substr(end, symbol.size()) == symbol) return end + symbol.size() - at;
  }
  return 0;
}

// Calls `visit(position, character, depth)` for each character outside operator symbols; depth counts open brackets
// before it.
template <typename Visitor>
void ForEachPlain(std::string_view name, Visitor&& visit) {
  int depth = 0;
  for (size_t i = 0; i < name.size();) {
    if (const size_t length = OperatorAt(name, i); length != 0) {
      i += length;
      continue;
    }
    const char c = name[i];
    if ((c == '>' || c == ')' || c == '}' || c == ']') && depth > 0 && !(c == '>' && i > 0 && name[i - 1] == '-'))
      --depth;
    if (!visit(i, c, depth)) return;
    if (c == '<' || c == '(' || c == '{' || c == '[') ++depth;
    ++i;
  }
}

constexpr std::string_view kAnonymous = "(anonymous namespace)";

// Where the parameter list begins: the last top-level '(' that is not "(anonymous namespace)".
size_t ParametersAt(std::string_view full) {
  size_t at = std::string_view::npos;
  ForEachPlain(full, [&](size_t i, char c, int depth) {
    if (c == '(' && depth == 0 && full.substr(i, kAnonymous.size()) != kAnonymous) {
      at = i;
      // A scope that follows means that this was the list of an enclosing function: "f(int)::{lambda()#1}::operator()".
      const size_t close = full.find(")::", i);
      if (close == std::string_view::npos) return false;
    }
    return true;
  });
  return at;
}

std::string WithoutSpaces(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    // A space between two words ("unsigned int") separates.
    if (text[i] == ' ' &&
        !(!out.empty() && i + 1 < text.size() && IsIdentifier(out.back()) && IsIdentifier(text[i + 1]))) {
      continue;
    }
    out.push_back(text[i]);
  }
  return out;
}

bool EndsInComponent(const std::string& full, const std::string& query) {
  if (full.size() < query.size() || full.compare(full.size() - query.size(), query.size(), query) != 0) return false;
  const size_t before = full.size() - query.size();
  return before == 0 || (before >= 2 && full.compare(before - 2, 2, "::") == 0);
}

std::string ParameterList(const Module& module, const Dwarf_Die& function) {
  std::string out;
  bool is_const = false;
  ForEachChild(function, [&](const Dwarf_Die& child) {
    const int tag = Tag(child);
    if (tag == DW_TAG_unspecified_parameters) out += out.empty() ? "..." : ", ...";
    if (tag != DW_TAG_formal_parameter) return true;
    const std::optional<Dwarf_Die> type = TypeOf(child);
    if (FlagOf(child, DW_AT_artificial)) {
      is_const |= type.has_value() && Tag(*type) == DW_TAG_pointer_type && TypeOf(*type).has_value() &&
                  Tag(*TypeOf(*type)) == DW_TAG_const_type;
      return true;
    }
    if (!out.empty()) out += ", ";
    out += RawTypeName(module, type);
    return true;
  });
  // As the demangler spells it: "char**".
  for (size_t at = 0; (at = out.find_first_of("*&", at)) != std::string::npos;) {
    if (at > 0 && out[at - 1] == ' ') {
      out.erase(at - 1, 1);
    } else {
      ++at;
    }
  }
  return "(" + out + ")" + (is_const ? " const" : "");
}

// rustc's older mangling is that of C++ with a hash as the last component: "shop::handle::h12aa003587dde1f3".
void RemoveRustHash(std::string* name) {
  constexpr std::string_view kBefore = "::h";
  constexpr size_t kDigits = 16;
  if (name->size() <= kBefore.size() + kDigits) return;
  const size_t at = name->size() - kBefore.size() - kDigits;
  if (name->compare(at, kBefore.size(), kBefore) != 0) return;
  if (name->find_first_not_of("0123456789abcdef", at + kBefore.size()) == std::string::npos) name->resize(at);
}

// Nobody writes "[abi:cxx11]", which functions have that return a std::string.
constexpr std::string_view kAbiTag = "[abi:";

std::string WithoutAbiTags(std::string_view name) {
  std::string out(name);
  for (size_t at = 0; (at = out.find(kAbiTag, at)) != std::string::npos;) {
    const size_t end = out.find(']', at);
    if (end == std::string::npos) break;
    out.erase(at, end + 1 - at);
  }
  return out;
}

}  // namespace

std::string Demangle(const char* mangled) {
  if (std::strncmp(mangled, "_Z", 2) != 0 || std::strlen(mangled) > kMaxMangledName) return mangled;
  int status = 0;
  std::unique_ptr<char, decltype(&std::free)> text(abi::__cxa_demangle(mangled, nullptr, nullptr, &status), &std::free);
  if (status != 0 || text == nullptr) return mangled;
  std::string out = text.get();
  if (const size_t clone = out.find(" [clone "); clone != std::string::npos) out.resize(clone);
  RemoveRustHash(&out);
  return out;
}

std::string FunctionName(const Module& module, const Dwarf_Die& unit, const Dwarf_Die& function) {
  const char* linkage = LinkageNameOf(function);
  if (linkage[0] != '\0') {
    std::string name = Demangle(linkage);
    if (name != linkage || linkage[0] != '_') return name;
  }
  if (!IsCpp(unit)) return NameOf(function);
  // Lambdas and local classes have no linkage name in DWARF; the symbol table may have one.
  Dwarf_Die copy = function;
  Dwarf_Addr entry = 0;
  if (dwarf_lowpc(&copy, &entry) == 0) {
    const char* symbol = FunctionSymbolAt(module, LinkAddress{entry});
    std::string name = symbol != nullptr ? Demangle(symbol) : std::string();
    if (name != (symbol != nullptr ? symbol : "") && BaseName(name) == NameOf(function)) return name;
  }
  const Dwarf_Die declaration = DeclarationOf(function);
  return QualifiedName(module, declaration) + ParameterList(module, declaration);
}

std::string WithoutParameters(std::string_view full) {
  std::string_view name = full.substr(0, ParametersAt(full));
  // "T shop::max<T>" has its return type in front: cut at the last top-level space before the name.
  size_t cut = 0;
  ForEachPlain(name, [&](size_t i, char c, int depth) {
    if (c == ' ' && depth == 0) cut = i + 1;
    return true;
  });
  // Conversion operators have a space of their own: "Order::operator bool".
  const size_t conversion = name.find("operator ");
  if (conversion != std::string_view::npos && cut > conversion) {
    cut = 0;
    ForEachPlain(name.substr(0, conversion), [&](size_t i, char c, int depth) {
      if (c == ' ' && depth == 0) cut = i + 1;
      return true;
    });
  }
  return std::string(name.substr(cut));
}

std::string WithoutTemplateArguments(std::string_view name) {
  std::string out;
  size_t copied = 0;
  size_t open = 0;
  int angle = 0;
  ForEachPlain(name, [&](size_t i, char c, int) {
    if (c == '<' && angle++ == 0) open = i;
    if (c == '>' && angle > 0 && !(i > 0 && name[i - 1] == '-') && --angle == 0) {
      out += name.substr(copied, open - copied);
      copied = i + 1;
    }
    return true;
  });
  return out + std::string(name.substr(copied));
}

std::string BaseName(std::string_view full) {
  const std::string name = WithoutTemplateArguments(WithoutParameters(full));
  size_t begin = 0;
  ForEachPlain(name, [&](size_t i, char c, int depth) {
    if (c == ':' && depth == 0 && i + 1 < name.size() && name[i + 1] == ':') begin = i + 2;
    return true;
  });
  return name.substr(begin);
}

bool NameMatches(std::string_view full, std::string_view query) {
  if (query.substr(0, 2) == "::") query.remove_prefix(2);
  std::string have(full);
  if (query.find(kAbiTag) == std::string_view::npos) have = WithoutAbiTags(full);
  if (ParametersAt(query) == std::string_view::npos) have = WithoutParameters(have);
  std::string want = WithoutSpaces(query);
  const std::string have_plain = WithoutSpaces(WithoutTemplateArguments(have));
  have = WithoutSpaces(have);
  if (EndsInComponent(have, want)) return true;
  if (WithoutTemplateArguments(want) != want) return false;
  if (EndsInComponent(have_plain, want)) return true;
  // With a parameter list the trailing "const" is optional.
  static constexpr std::string_view kConst = "const";
  return have_plain.size() > kConst.size() && have_plain.ends_with(")const") && want.ends_with(")") &&
         EndsInComponent(have_plain.substr(0, have_plain.size() - kConst.size()), want);
}

}  // namespace dlog::dwarf
