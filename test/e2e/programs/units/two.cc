// SPDX-License-Identifier: Apache-2.0
namespace units {

struct Twice {
  long first = 2;
  long second = 3;
};

Twice* MakeTwiceOtherwise() { return new Twice; }

}  // namespace units
