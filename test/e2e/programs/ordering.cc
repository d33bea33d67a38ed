// SPDX-License-Identifier: Apache-2.0
//
// Strings that lie in the object and on the heap, to be compared with literals. The contents are constant.
#include <unistd.h>

#include <string>
#include <string_view>

void Keep(const void* object);

namespace ordering {

struct Texts {
  std::string small = "middle";
  std::string large = "middle of the text that is on the heap";
  std::string empty;
  std::string zeros = std::string("a\0b", 3);
  std::string high = "\xc3\xa4";
  std::string_view view = "middle";
  const char* plain = "middle";
};

__attribute__((noinline)) int Probe(const Texts& s) {
  Keep(&s);  // the logpoint
  return static_cast<int>(s.small.size());
}

}  // namespace ordering

int main() {
  const ordering::Texts s;
  int sum = 0;
  for (int i = 0; i < 100000; ++i) {
    sum += ordering::Probe(s);
    usleep(10000);
  }
  return sum == 0 ? 0 : 1;
}
