// SPDX-License-Identifier: Apache-2.0
//
// Calls of a function that know how long they took: each line of the output is "ID INNER OUTER", nanoseconds from the
// first to the last statement of Timed() and around the call. What a probe at its entry and its return measures lies
// between the two. Calls that end otherwise than by returning print nothing, but leave their place on the stack to
// others.
//   durations mixed   three threads that call, recurse, throw, jump, fork and switch stacks
//   durations slow    one call after the other, of a second each
//   durations hot     as often as it goes; one of 64 calls prints, one of 16 throws
#include <setjmp.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <memory>
#include <thread>
#include <vector>

#define NOINLINE __attribute__((noinline))

enum How { kAtOnce, kSleep, kThrow, kJump, kRecurse, kSwitch, kFork, kHows };

static long Now() {
  timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return now.tv_sec * 1'000'000'000L + now.tv_nsec;
}

static void Sleep(long microseconds) {
  timespec time = {microseconds / 1'000'000, microseconds % 1'000'000 * 1000};
  while (nanosleep(&time, &time) != 0) {
  }
}

struct Call {
  long id = 0;
  int how = kAtOnce;
  int depth = 0;
  long inner = 0;
  long sleep_us = 2000;
  jmp_buf back;
  ucontext_t here, starter;
  pid_t child = 0;
};

std::atomic<long> next_id{1};

void Make(int how, int depth);

NOINLINE void Body(Call* call) {
  switch (call->how) {
    case kSleep:
      Sleep(call->sleep_us);
      break;
    case kThrow:
      throw call->id;
    case kJump:
      longjmp(call->back, 1);
    case kRecurse:
      if (call->depth > 0) Make(call->depth % 2 ? kRecurse : kSleep, call->depth - 1);
      break;
    case kSwitch:
      swapcontext(&call->here, &call->starter);
      break;
    case kFork:
      call->child = fork();
      break;
    default:
      break;
  }
}

NOINLINE long Timed(Call* call) {
  const long begin = Now();
  Body(call);
  call->inner = Now() - begin;
  return call->id;
}

static void Print(const Call& call, long outer) {
  std::printf("%ld %ld %ld\n", call.id, call.inner, outer);
  std::fflush(stdout);
}

// The call that goes to sleep on a stack of its own and wakes up in another thread.
static void MakeSwitching(Call* call) {
  static constexpr size_t kStack = 64 << 10;
  std::unique_ptr<char[]> stack(new char[kStack]);
  struct Start {
    static void Run(unsigned high, unsigned low) {
      Call* call = reinterpret_cast<Call*>(static_cast<unsigned long>(high) << 32 | low);
      const long begin = Now();
      Timed(call);
      Print(*call, Now() - begin);
    }
  };
  ucontext_t context;
  getcontext(&context);
  context.uc_stack.ss_sp = stack.get();
  context.uc_stack.ss_size = kStack;
  context.uc_link = &call->starter;
  const auto address = reinterpret_cast<unsigned long>(call);
  makecontext(&context, reinterpret_cast<void (*)()>(Start::Run), 2, static_cast<unsigned>(address >> 32),
              static_cast<unsigned>(address));
  swapcontext(&call->starter, &context);
  std::thread other([call] { swapcontext(&call->starter, &call->here); });
  other.join();
}

void Make(int how, int depth) {
  auto call = std::make_unique<Call>();
  call->id = next_id++;
  call->how = how;
  call->depth = depth;
  if (how == kSwitch) return MakeSwitching(call.get());
  if (setjmp(call->back) != 0) return;
  const long begin = Now();
  try {
    Timed(call.get());
  } catch (long) {
    return;
  }
  const long outer = Now() - begin;
  if (how == kFork) {
    if (call->child == 0) _exit(0);
    waitpid(call->child, nullptr, 0);
  }
  Print(*call, outer);
}

static void Mixed() {
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([t] {
      for (int i = t;; ++i) {
        Make(i % kHows, 4);
        if (i % 16 == 0) std::thread([] { Make(kThrow, 0); }).join();
        Sleep(3000);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

static void Slow() {
  Call call;
  call.how = kSleep;
  call.sleep_us = 1'000'000;
  while (true) {
    call.id = next_id++;
    const long begin = Now();
    Timed(&call);
    Print(call, Now() - begin);
  }
}

static void Hot() {
  Call call;
  while (true) {
    call.id = next_id++;
    call.how = call.id % 16 == 7 ? kThrow : kAtOnce;
    const long begin = Now();
    try {
      Timed(&call);
    } catch (long) {
      continue;
    }
    const long outer = Now() - begin;
    if (call.id % 64 == 0) Print(call, outer);
  }
}

int main(int argc, char** argv) {
  const char* what = argc > 1 ? argv[1] : "mixed";
  if (std::strcmp(what, "slow") == 0) {
    Slow();
  } else if (std::strcmp(what, "hot") == 0) {
    Hot();
  } else {
    Mixed();
  }
}
