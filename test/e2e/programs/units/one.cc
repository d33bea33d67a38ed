// SPDX-License-Identifier: Apache-2.0
namespace units {

struct Hidden {
  int id = 7;
  struct Inner {
    short x = 1, y = -2;
  } inner;
};
struct Twice {
  int number = 1;
};

Hidden* MakeHidden() { return new Hidden; }
Twice* MakeTwice() { return new Twice; }

}  // namespace units
