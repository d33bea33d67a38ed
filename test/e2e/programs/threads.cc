// SPDX-License-Identifier: Apache-2.0
//
// Thread-local variables of the program and, in THREADS_LIBRARY, of a library. Each thread adds its own step, so that
// in each hit all values agree with `step`.
#include <pthread.h>
#include <unistd.h>

#ifdef THREADS_LIBRARY
#define NAME(x) library_##x
#else
#define NAME(x) program_##x
#endif

struct alignas(64) Wide {
  long values[3] = {1, 2, 3};
};
thread_local int NAME(first) = 7;
static thread_local Wide NAME(wide);
thread_local long NAME(last);

extern "C" __attribute__((noinline)) void NAME(step)(long step) {
  NAME(first) = static_cast<int>(step * 10);
  NAME(wide).values[1] = step * 100;
  NAME(last) = step * 1000;
  asm volatile("" : : "r"(&NAME(wide)), "r"(&NAME(last)), "r"(step) : "memory");  // the logpoint
}

#ifndef THREADS_LIBRARY
extern "C" void library_step(long step) __attribute__((weak));

static void* Run(void* argument) {
  for (;;) {
    NAME(step)(reinterpret_cast<long>(argument));
    if (library_step != nullptr) library_step(reinterpret_cast<long>(argument));
    usleep(5000);
  }
}

int main() {
  pthread_t thread;
  for (long step = 1; step < 4; ++step) pthread_create(&thread, nullptr, Run, reinterpret_cast<void*>(step));
  Run(reinterpret_cast<void*>(4));
}
#endif
