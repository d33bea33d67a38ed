// SPDX-License-Identifier: Apache-2.0
//
// Types of which this unit has no more than a declaration. The contents are constant.
#include <unistd.h>

void Keep(const void* object);

namespace units {

struct Hidden;   // one other unit defines it
struct Twice;    // two other units do, each in its own way
struct Nowhere;  // no unit does
Hidden* MakeHidden();
Twice* MakeTwice();
Twice* MakeTwiceOtherwise();

struct Holder {
  Hidden* hidden = MakeHidden();
  Twice* twice = MakeTwice();
  Twice* otherwise = MakeTwiceOtherwise();
  Nowhere* nowhere = reinterpret_cast<Nowhere*>(&nowhere);
};

__attribute__((noinline)) int Probe(const Holder& h) {
  Keep(&h);  // the logpoint
  return h.hidden != nullptr;
}

}  // namespace units

int main() {
  const units::Holder h;
  int sum = 0;
  for (int i = 0; i < 100000; ++i) {
    sum += units::Probe(h);
    usleep(10000);
  }
  return sum == 0 ? 0 : 1;
}
