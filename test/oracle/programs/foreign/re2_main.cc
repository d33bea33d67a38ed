// SPDX-License-Identifier: Apache-2.0
//
// Runs the same way through RE2 each time: parses, compiles and matches a few expressions, in one thread.
#include <cstdio>
#include <string>

#include "re2/re2.h"
#include "re2/set.h"

int main() {
  const char* patterns[] = {"(\\w+)@(\\w+)\\.com",   "a{2,4}b*c?", "^(?i)hello\\s+(world|there)$",
                            "[^\\d-f]+(?:x|y|zz)*?", "(a*)*b(",    "\\pL{3}"};
  const std::string texts[] = {"user@example.com", "xaaabbc", "HELLO  there", "--- \xc3\xa4\xc3\xb6\xc3\xbc"};
  int sum = 0;
  for (const char* pattern : patterns) {
    RE2::Options options;
    options.set_log_errors(false);
    const RE2 expression(pattern, options);
    if (!expression.ok()) {
      sum += expression.error_code();
      continue;
    }
    for (const std::string& text : texts) {
      re2::StringPiece groups[3];
      if (expression.Match(text, 0, text.size(), RE2::UNANCHORED, groups, 3)) sum += static_cast<int>(groups[0].size());
      std::string changed = text;
      sum += RE2::GlobalReplace(&changed, expression, "<\\0>");
    }
  }
  RE2::Set set(RE2::DefaultOptions, RE2::UNANCHORED);
  for (const char* pattern : {"exam", "o+", "b{2}"}) sum += set.Add(pattern, nullptr);
  if (set.Compile()) {
    std::vector<int> which;
    for (const std::string& text : texts) sum += set.Match(text, &which) ? static_cast<int>(which.size()) : 0;
  }
  std::printf("%d\n", sum);
  return 0;
}
