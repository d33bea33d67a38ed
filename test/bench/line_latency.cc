// SPDX-License-Identifier: Apache-2.0
//
// Reads lines whose last word is a time of CLOCK_BOOTTIME in nanoseconds, and says at the end how old they were when
// they came: "LINES P50 P99 MAX", in milliseconds.
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

static std::int64_t Now() {
  timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

int main() {
  std::vector<double> ages;
  std::string text;
  std::vector<char> buffer(1 << 20);
  for (ssize_t size; (size = read(STDIN_FILENO, buffer.data(), buffer.size())) > 0;) {
    const std::int64_t now = Now();
    text.append(buffer.data(), static_cast<std::size_t>(size));
    std::size_t begin = 0;
    for (std::size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
      text[end] = '\0';
      const std::size_t word = text.rfind(' ', end);
      const std::int64_t sent =
          std::strtoll(text.c_str() + (word == std::string::npos ? begin : word + 1), nullptr, 10);
      if (sent > 0) ages.push_back(static_cast<double>(now - sent) * 1e-6);
    }
    text.erase(0, begin);
  }
  if (ages.empty()) return 1;
  std::sort(ages.begin(), ages.end());
  const auto at = [&ages](double part) {
    return ages[static_cast<std::size_t>(part * static_cast<double>(ages.size() - 1))];
  };
  std::printf("%zu %.2f %.2f %.2f\n", ages.size(), at(0.5), at(0.99), at(1));
}
