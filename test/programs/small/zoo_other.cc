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
static Hidden hidden;
static Holder::Impl impl;
static Holder holder{&hidden, &impl, nullptr};

Holder* MakeHolder() { return &holder; }
int Use(Holder* holder) { return holder->hidden->secret + elsewhere; }

}  // namespace zoo
