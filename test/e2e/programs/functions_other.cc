// SPDX-License-Identifier: Apache-2.0
#include "functions.h"

static __attribute__((noinline)) int SameName(int x) { return x + 40; }

int OtherUnit(int x) { return Comdat(x) + SameName(x) + shop::Largest(x, 3); }
