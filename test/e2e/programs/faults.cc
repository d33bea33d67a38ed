// SPDX-License-Identifier: Apache-2.0
//
// What targets do that is hard on probes: faults MODE COUNT [LIBRARY]. It reads a line from standard input, passes the
// logpoint COUNT times in the way of MODE, and prints "passed COUNT" when all values were right.
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#ifdef FAULTS_LIBRARY
#define PASS library_pass
#else
#define PASS program_pass
#endif

extern "C" __attribute__((noinline)) long PASS(long n, const char* text) {
  asm volatile("" : : "r"(n), "r"(text) : "memory");  // the logpoint
  return n * 3;
}

#ifndef FAULTS_LIBRARY
namespace {

constexpr char kText[] = "as it was";
long wrong = 0;

void Check(long n, const char* text = kText) {
  if (program_pass(n, text) != n * 3) __atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
}

void Fork(long count) {
  for (long n = 0; n < count; ++n) {
    const pid_t child = fork();
    if (child == 0) {
      Check(n);
      _exit(static_cast<int>(wrong));
    }
    int status = 1;
    waitpid(child, &status, 0);
    wrong += status != 0;
  }
}

void Exec(long count, const char* self, long done) {
  Check(done);
  if (done + 1 == count) return;
  const std::string rest = std::to_string(count), next = std::to_string(done + 1);
  execl(self, self, "exec", rest.c_str(), next.c_str(), nullptr);
  ++wrong;
}

void Load(long count, const char* library) {
  for (long n = 0; n < count; ++n) {
    void* handle = dlopen(library, RTLD_NOW);
    if (handle == nullptr) _exit(2);
    auto* pass = reinterpret_cast<long (*)(long, const char*)>(dlsym(handle, "library_pass"));
    wrong += pass(n, kText) != n * 3;
    dlclose(handle);
  }
}

void Storm(long count) {
  for (long n = 0; n < count; n += 8) {
    std::vector<std::thread> threads;
    for (long i = n; i < n + 8; ++i) threads.emplace_back([i] { Check(i); });
    for (std::thread& thread : threads) thread.join();
  }
}

// A page that is gone, no page, and one that is there.
void Freed(long count) {
  auto* page = static_cast<char*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  std::strcpy(page, kText);
  munmap(page, 4096);
  const char* const texts[] = {kText, page, nullptr};
  for (long n = 0; n < count; ++n) Check(n, texts[n % 3]);
}

// Text of a file whose pages are taken out of memory before each hit.
void Pressure(long count, const char* path) {
  const int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (file < 0 || write(file, kText, sizeof(kText)) < 0) _exit(2);
  fsync(file);
  auto* page = static_cast<char*>(mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, file, 0));
  for (long n = 0; n < count; ++n) {
    madvise(page, 4096, MADV_DONTNEED);
    posix_fadvise(file, 0, 4096, POSIX_FADV_DONTNEED);
    Check(n, page);
  }
}

pthread_barrier_t gate;
void* PassOnce(void* n) {
  pthread_barrier_wait(&gate);
  Check(reinterpret_cast<long>(n));
  return nullptr;
}

std::vector<pthread_t> StartMany(long count) {
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 64 << 10);
  pthread_barrier_init(&gate, nullptr, static_cast<unsigned>(count) + 1);
  std::vector<pthread_t> threads(static_cast<size_t>(count));
  for (long n = 0; n < count; ++n) {
    if (pthread_create(&threads[static_cast<size_t>(n)], &small, PassOnce, reinterpret_cast<void*>(n)) != 0) _exit(3);
  }
  return threads;
}

int Report(long count) {
  if (wrong != 0) return 1;
  std::printf("passed %ld\n", count);
  std::fflush(stdout);
  return 0;
}

void Loop(long count) {
  for (long n = 0; n < count; ++n) {
    Check(n);
    if (n % 16 == 0) usleep(1000);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const std::string mode = argv[1];
  const long count = std::atol(argv[2]);
  const char* extra = argc > 3 ? argv[3] : "";
  if (mode == "exec" && *extra != 0) {
    Exec(count, argv[0], std::atol(extra));
    return Report(count);
  }
  if (mode == "leader") {
    std::thread([count] {
      if (std::getchar() != EOF) Loop(count);
      _exit(Report(count));
    }).detach();
    pthread_exit(nullptr);
  }
  std::vector<pthread_t> threads;
  if (mode == "many") threads = StartMany(count);
  std::puts("ready");
  std::fflush(stdout);
  if (std::getchar() == EOF) return 2;
  if (mode == "fork") Fork(count);
  if (mode == "exec") Exec(count, argv[0], 0);
  if (mode == "load") Load(count, extra);
  if (mode == "storm") Storm(count);
  if (mode == "freed") Freed(count);
  if (mode == "pressure") Pressure(count, extra);
  if (mode == "loop") Loop(count);
  if (mode == "many") {
    pthread_barrier_wait(&gate);
    for (const pthread_t thread : threads) pthread_join(thread, nullptr);
  }
  return Report(count);
}
#endif
