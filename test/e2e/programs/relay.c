// SPDX-License-Identifier: Apache-2.0
//
// Replaces a function of relay_library.c by one that goes on to the library's own: the return address alone then tells
// of a call with other arguments.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>

long Relay(long round);

static long (*real)(long, int);

long Replaced(long a, int b) { return real(a + 1000, b + 1000); }

int main(void) {
  real = (long (*)(long, int))dlsym(RTLD_NEXT, "Replaced");
  for (long round = 0;; ++round) {
    Relay(round % 10);
    usleep(2000);
  }
}
