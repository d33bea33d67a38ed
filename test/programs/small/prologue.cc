// SPDX-License-Identifier: Apache-2.0
//
// Functions with every kind of prologue. Each is called with fixed arguments only, so that a value that its prologue
// has not stored yet can be told from one that it has. With an argument it runs until it is killed.
// An opening brace on a line of its own is one of the cases.
// clang-format off
#include <unistd.h>

#include <cstdarg>
#include <cstdio>
#include <cstring>

#define NOINLINE __attribute__((noinline))

extern "C" NOINLINE void Keep(void* p) { asm volatile("" : : "r"(p) : "memory"); }

NOINLINE static long Plain(long a, int b)
{
  long sum = a + b;
  return sum;
}

NOINLINE static long OverAligned(long a, int b)
{
  alignas(64) long block[8] = {a, b};
  Keep(block);
  return block[0] + block[1];
}

NOINLINE static long BigFrame(long a, int b)
{
  char block[20000];
  std::memset(block, b, sizeof block);
  Keep(block);
  return a + block[b];
}

NOINLINE static long Variadic(long a, int b, ...)
{
  std::va_list list;
  va_start(list, b);
  long sum = a + va_arg(list, int);
  va_end(list);
  return sum;
}

NOINLINE static long OneLine(long a, int b) { return a * b; }

NOINLINE static long OnTheStack(long, long, long, long, long, long, long a, int b)
{
  return a - b;
}

NOINLINE static long VariableLength(long a, int b)
{
  long block[a];
  block[0] = b;
  Keep(block);
  return block[0];
}

NOINLINE static long AddressTaken(long a, int b)
{
  if (b == 0) return 1;
  Keep(&a);
  Keep(&b);
  return a + b;
}

int main(int argc, char**)
{
  long sum = 0;
  do {
    sum += Plain(1001, 7) + OverAligned(1002, 8) + BigFrame(1003, 9) + Variadic(1004, 10, 3) + OneLine(1005, 11);
    sum += OnTheStack(1, 2, 3, 4, 5, 6, 1006, 12) + VariableLength(1007, 13) + AddressTaken(1008, 14);
    if (argc > 1) usleep(20000);
  } while (argc > 1);
  std::printf("%ld\n", sum);
}
