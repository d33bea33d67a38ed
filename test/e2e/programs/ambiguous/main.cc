// SPDX-License-Identifier: Apache-2.0
//
// Two files of the same name: "same.cc:LINE" must be refused with both named, "a/same.cc:LINE" accepted.
#include <unistd.h>

int FromA(int value);
int FromB(int value);

int main() {
  int sum = 0;
  for (int i = 0;; ++i) {
    sum = FromA(i) + FromB(sum);
    usleep(2000);
  }
}
