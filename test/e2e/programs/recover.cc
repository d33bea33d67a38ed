// SPDX-License-Identifier: Apache-2.0
//
// Parameters that are gone at the marked lines, of functions that are called through pointers, so that no caller can be
// trusted to tell: only a probe at the entry can. What is true is kept in memory beside them. Functions are entered by
// several threads, recursively, and left by exceptions and longjmp.
#include <setjmp.h>
#include <unistd.h>

#include <thread>
#include <vector>

#define NOINLINE __attribute__((noinline, noclone))

NOINLINE void Clobber(volatile void* place) {
  asm volatile("" : : "r"(place) : "memory", "rdi", "rsi", "rdx", "rcx", "r8", "r9", "r10", "r11", "rax");
}

using Call = int (*)(int, unsigned short);

NOINLINE int Plain(int id, unsigned short port) {
  volatile int true_id = id;
  volatile unsigned short true_port = port;
  Clobber(&true_id);
  Clobber(&true_port);  // plain
  return 1;
}

Call volatile recursive;

// Each activation has its own values, also when inner ones have come and gone.
NOINLINE int Recursive(int id, unsigned short port) {
  volatile int true_id = id;
  volatile unsigned short true_port = port;
  if (id % 5 != 0) {
    Call next = recursive;
    Clobber(&true_id);
    next(true_id - 1, static_cast<unsigned short>(true_port + 1));
  }
  Clobber(&true_port);  // recursive
  return 2;
}

thread_local jmp_buf back;

// Every third call never returns; what it leaves behind is not the next one's.
NOINLINE int Left(int id, unsigned short port) {
  volatile int true_id = id;
  volatile unsigned short true_port = port;
  Clobber(&true_id);
  Clobber(&true_port);  // left
  if (true_id % 3 == 0) longjmp(back, 1);
  if (true_id % 3 == 1) throw true_id;
  return 3;
}

// The function goes back to its first instruction with other values: its entry would not tell calls from rounds.
NOINLINE int Loops(int id, unsigned short port) {
  asm volatile("" : "+r"(id));
  Clobber(&back);
  if (id > 0) return Loops(id - 1, port);
  return 4;
}

struct Account {
  int number;
  NOINLINE int Show(const int amount, const Account& other) {
    volatile int true_number = number;
    volatile int true_amount = amount;
    volatile int true_other = other.number;
    Clobber(&true_number);
    Clobber(&true_amount);
    Clobber(&true_other);  // members
    return 5;
  }
};

Call volatile calls[] = {Plain, Recursive, Left};
int (Account::*volatile show)(int, const Account&) = &Account::Show;

NOINLINE void Round(int i) {
  for (Call volatile& call : calls) {
    if (setjmp(back) != 0) continue;
    try {
      call(i, static_cast<unsigned short>(i + 1000));
    } catch (int) {
    }
  }
  Loops(i % 3, 7);
  Account one{i}, two{i + 50};
  (one.*show)(i + 7, two);
}

int main() {
  recursive = Recursive;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([t] {
      for (int i = t * 10000000;; ++i) {
        Round(i);
        usleep(300);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}
