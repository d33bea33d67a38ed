// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/base/redaction_rules.h"

#include <algorithm>
#include <cctype>
#include <cstddef>

namespace dlog {
namespace {

// Rules at least so long are found inside a word, too: "password" in "dbpassword".
constexpr size_t kLongRule = 8;

bool IsUpper(char c) { return std::isupper(static_cast<unsigned char>(c)) != 0; }
bool IsDigit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }
bool IsLetterOrDigit(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }
char Lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

// "key" is the word "key" and its plural.
bool SameWord(std::string_view word, std::string_view rule) {
  if (word == rule) return true;
  return word.size() == rule.size() + 1 && word.back() == 's' && word.starts_with(rule);
}

bool HasInARow(const std::vector<std::string>& words, const std::vector<std::string>& rule) {
  return !rule.empty() && std::search(words.begin(), words.end(), rule.begin(), rule.end(), SameWord) != words.end();
}

std::string_view WithoutLeading(std::string_view name, std::string_view prefix) {
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

// "const (anonymous namespace)::shop::Box<int>" -> "shop::Box". Names of pointers keep their '*': they are other types.
std::string WithoutArguments(std::string_view full) {
  constexpr std::string_view kAnonymous = "(anonymous namespace)::";
  std::string named(full);
  for (size_t at; (at = named.find(kAnonymous)) != std::string::npos;) named.erase(at, kAnonymous.size());
  std::string_view name = named;
  for (size_t before = 0; before != name.size();) {
    before = name.size();
    name = WithoutLeading(WithoutLeading(name, "const "), "volatile ");
  }
  std::string out;
  int depth = 0;
  for (const char c : name) {
    if (c == '<') ++depth;
    if (depth == 0) out.push_back(c);
    if (c == '>' && depth > 0) --depth;
  }
  return out;
}

std::string_view LastPart(std::string_view name) {
  const size_t colons = name.rfind("::");
  return colons == std::string_view::npos ? name : name.substr(colons + 2);
}

}  // namespace

std::vector<std::string> WordsOfIdentifier(std::string_view identifier) {
  std::vector<std::string> words;
  std::string word;
  const auto end_word = [&] {
    if (!word.empty()) words.push_back(std::move(word));
    word.clear();
  };
  for (size_t i = 0; i < identifier.size(); ++i) {
    const char c = identifier[i];
    if (!IsLetterOrDigit(c)) {
      end_word();
      continue;
    }
    if (i > 0 && IsLetterOrDigit(identifier[i - 1])) {
      const char last = identifier[i - 1];
      const bool hump = IsUpper(c) && !IsUpper(last);
      // The last capital of a row begins the next word: "APIKey".
      const bool end_of_capitals = IsUpper(c) && IsUpper(last) && i + 1 < identifier.size() &&
                                   IsLetterOrDigit(identifier[i + 1]) && !IsUpper(identifier[i + 1]) &&
                                   !IsDigit(identifier[i + 1]);
      if (hump || end_of_capitals || IsDigit(c) != IsDigit(last)) end_word();
    }
    word.push_back(Lower(c));
  }
  end_word();
  return words;
}

bool MatchesWildcards(std::string_view pattern, std::string_view text) {
  size_t p = 0;
  size_t t = 0;
  size_t star = std::string_view::npos;  // where to go on when what follows the last star does not fit
  size_t star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || Lower(pattern[p]) == Lower(text[t]))) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

RedactionRules::RedactionRules(const RedactionConfig& config) : types_(config.types), exclude_(config.exclude) {
  for (const std::string& text : config.names) {
    NameRule rule{text, "", {}, ""};
    if (text.find_first_of("*?") != std::string::npos) {
      rule.pattern = text;
    } else {
      rule.words = WordsOfIdentifier(text);
      for (const std::string& word : rule.words) rule.joined += word;
    }
    if (!rule.pattern.empty() || !rule.joined.empty()) names_.push_back(std::move(rule));
  }
}

bool RedactionRules::Excluded(std::string_view name, std::string_view owner) const {
  const std::string last(LastPart(name));
  const std::string member = owner.empty() ? "" : WithoutArguments(owner) + "::" + last;
  return std::any_of(exclude_.begin(), exclude_.end(), [&](const std::string& pattern) {
    return MatchesWildcards(pattern, name) || MatchesWildcards(pattern, last) ||
           (!member.empty() && (MatchesWildcards(pattern, member) || MatchesWildcards("*::" + pattern, member)));
  });
}

std::optional<std::string> RedactionRules::ForName(std::string_view identifier, std::string_view owner) const {
  if (names_.empty()) return std::nullopt;
  const std::string_view last = LastPart(identifier);
  const std::vector<std::string> words = WordsOfIdentifier(last);
  const auto matches = [&](const NameRule& rule) {
    if (!rule.pattern.empty()) return MatchesWildcards(rule.pattern, last);
    if (HasInARow(words, rule.words)) return true;
    return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
      return SameWord(word, rule.joined) ||
             (rule.joined.size() >= kLongRule && word.find(rule.joined) != std::string::npos);
    });
  };
  const auto found = std::find_if(names_.begin(), names_.end(), matches);
  if (found == names_.end() || Excluded(identifier, owner)) return std::nullopt;
  return found->text;
}

std::optional<std::string> RedactionRules::ForType(std::string_view name) const {
  if (types_.empty()) return std::nullopt;
  const std::string plain = WithoutArguments(name);
  if (plain.empty() || plain.find_first_of("*&(") != std::string::npos) return std::nullopt;
  const std::string_view last = LastPart(plain);
  const auto found = std::find_if(types_.begin(), types_.end(), [&](const std::string& pattern) {
    return MatchesWildcards(pattern, plain) || MatchesWildcards(pattern, last);
  });
  if (found == types_.end() || Excluded(plain, "")) return std::nullopt;
  return *found;
}

}  // namespace dlog
