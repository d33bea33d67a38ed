// SPDX-License-Identifier: Apache-2.0
//
// Lines whose first instruction must never carry a probe, each executed all the time. It checks its own arithmetic and
// exits with 1 when something changed it.
#include <unistd.h>

#include <cstdint>

int locked = 0;

void Lock() {
  asm volatile("lock incl %0" : "+m"(locked));  // LOCK prefix
}

#define EITHER(safe)     \
  if constexpr (safe)    \
    asm volatile("nop"); \
  else                   \
    asm volatile("lock incl %0" : "+m"(locked));

// One line, two places: a probe may go on the one and not on the other.
template <bool kSafe>
__attribute__((noinline)) void Either() {  // either
  EITHER(kSafe)
}

long SystemCall(long number) {
  asm volatile("" : "+a"(number));                                    // moves the number to where it has to be
  asm volatile("syscall" : "+a"(number) : : "rcx", "r11", "memory");  // system call
  return number;
}

std::uint64_t Exchange(std::uint64_t value) {
  register std::uint64_t other asm("r8") = value + 1;
  asm volatile(".byte 0x49, 0x90" : "+a"(value), "+r"(other));  // xchg r8, rax: looks like a NOP
  return value;
}

int main() {
  constexpr long kGetPid = 39;
  const int pid = getpid();
  for (std::uint64_t i = 0;; ++i) {
    const int before = locked;
    Lock();
    if (locked != before + 1 || SystemCall(kGetPid) != pid || Exchange(i) != i + 1) {
      return 1;
    }
    Either<true>();
    Either<false>();
    usleep(1000);
  }
}
