// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

struct Handlers {
  int (*first)(int);
  int (*second)(int);
};

static volatile int sink;

__attribute__((noinline)) int Double(int x) { return 2 * x; }
__attribute__((noinline)) static int Triple(int x) { return 3 * x; }

__attribute__((noinline)) static void Call(int (*callback)(int), const struct Handlers* handlers, int x) {
  sink = x;  // the logpoint
  sink = callback(x) + handlers->second(x);
}

int main(void) {
  const struct Handlers handlers = {Double, Triple};
  for (int i = 0;; ++i) {
    Call(i >= 0 ? handlers.first : Triple, &handlers, i);
    usleep(20000);
  }
}
