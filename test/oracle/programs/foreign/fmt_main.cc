// SPDX-License-Identifier: Apache-2.0
//
// Drives fmt: numbers, texts, containers, named and checked formats, an error. Nothing here depends on time or chance.
#include <fmt/chrono.h>
#include <fmt/compile.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <map>
#include <string>
#include <tuple>
#include <vector>

int main() {
  std::string text;
  for (int i = 0; i < 5; ++i) {
    text += fmt::format("{:>{}} {:#x} {:.3f} {:e} {}\n", i, 8, i * 255, i * 1.1, i * 1e10, i % 2 == 0);
    text += fmt::format("{:*^20}|{:08b}|{:+}|{:g}|{:a}|{:c}\n", "xyz", i, i, 0.1 * i, 1.0 / 3, 'a' + i);
    text += fmt::format("{} {} {}\n", std::vector<int>{1, 2, i}, std::map<std::string, int>{{"a", 1}, {"b", i}},
                        std::make_tuple(1, "z", 2.5));
    text += fmt::format(FMT_COMPILE("{}-{:x}"), i, 42 + i);
    text += fmt::to_string(1e-7 * i);
    text += fmt::format("{:%H:%M:%S}", std::chrono::seconds(3600 * i + 61));
    text += fmt::format("{name}:{v:.2}", fmt::arg("name", "n"), fmt::arg("v", 3.14159));
    text += fmt::format("{:.30f} {:.17g} {}", 0.1, 1.0 / (i + 3), 123456789012345678.0);
    text += fmt::format("{:L}", 1234567 * i);
  }
  try {
    text += fmt::format(fmt::runtime("{:d}"), "x");
  } catch (const fmt::format_error& error) {
    text += error.what();
  }
  std::fputs(text.c_str(), stdout);
}
