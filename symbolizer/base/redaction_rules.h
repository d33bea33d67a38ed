// SPDX-License-Identifier: Apache-2.0
//
// Which identifiers and types are secrets by their names. What matches is never captured (README.md, promise 6).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dlog {

struct RedactionConfig {
  // Words: "api_key" means each identifier with these words in a row, however it is spelled (apiKey, m_api_key_,
  // NEW_API_KEYS); a rule of eight or more letters is also found inside a word (dbpassword). With '*' or '?': a pattern
  // for the whole identifier. Case does not matter.
  std::vector<std::string> names;
  // Patterns for a type's qualified name without template arguments, or for its last part: "*Credentials".
  std::vector<std::string> types;
  // Patterns for identifiers ("token_count"), members ("Lexer::token") and types that are no secrets all the same.
  std::vector<std::string> exclude;
};

// Immutable. Without rules nothing is redacted.
class RedactionRules {
 public:
  RedactionRules() = default;
  explicit RedactionRules(const RedactionConfig& config);

  bool active() const { return !names_.empty() || !types_.empty(); }
  // The rule that makes `identifier`, a variable or a member of `owner` (a type's name; empty: none), a secret.
  std::optional<std::string> ForName(std::string_view identifier, std::string_view owner = {}) const;
  // The rule that makes every object of the type a secret. Pointers and references to it are no objects of it.
  std::optional<std::string> ForType(std::string_view name) const;

 private:
  struct NameRule {
    std::string text;                // as written
    std::string pattern;             // with wildcards; else empty
    std::vector<std::string> words;  // in lower case
    std::string joined;
  };
  bool Excluded(std::string_view name, std::string_view owner) const;

  std::vector<NameRule> names_;
  std::vector<std::string> types_;
  std::vector<std::string> exclude_;
};

// "m_apiKey2" -> "m", "api", "key", "2".
std::vector<std::string> WordsOfIdentifier(std::string_view identifier);

// '*' is any text, '?' any character; ASCII case does not matter.
bool MatchesWildcards(std::string_view pattern, std::string_view text);

}  // namespace dlog
