// SPDX-License-Identifier: Apache-2.0
#include "zoo.h"

namespace zoo {

struct Hidden {
  int secret = 17;
};
struct Holder::Impl {
  long first = 1;
  long second = 2;
};

int elsewhere = 21;
static volatile int same_name = 22;  // zoo.cc has one too
static Hidden hidden;
static Holder::Impl impl;
static Holder holder{&hidden, &impl, nullptr};

Holder* MakeHolder() { return &holder; }
__attribute__((noinline)) int Use(Holder* holder) {
  return holder->hidden->secret + elsewhere + same_name;  // MARK: use
}

}  // namespace zoo
