// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace zoo {

struct Hidden;  // defined in zoo_other.cc only
extern int elsewhere;

class Holder {
 public:
  struct Impl;  // defined in zoo_other.cc only
  Hidden* hidden;
  Impl* impl;
  struct Nowhere* nowhere;  // defined nowhere
};

Holder* MakeHolder();
int Use(Holder* holder);

}  // namespace zoo
