// SPDX-License-Identifier: Apache-2.0
//
// The program that the kernel tests probe: known instructions at known places, driven by lines on standard input.
// At start it prints "site NAME OFFSET ADDRESS HEXBYTES" for each place, "data NAME ADDRESS" for each object, and
// "ready". Each command is answered by one line:
//   call FROM COUNT       target_hit(i, text) for i in [FROM, FROM + COUNT)
//   pass ARGUMENT         target_hit(ARGUMENT, text)
//   threads N COUNT       N threads, each `call 0 COUNT`
//   vectors N COUNT       N threads, each loads known values into xmm0..15 and passes the vector site, COUNT times
//   fork COUNT            a child does `call 0 COUNT` and ends
//   field COUNT           calls the first COUNT of 5000 functions of 4 bytes each, which begin with push %rdi
//   registers             loads known values into all registers, passes both register sites, "ok" if none has changed
//   cold                  answers "cold ADDRESS" of a mapped page that this process has not touched
//   stall N               N threads on one CPU call target_hit() with the address of a page that nobody provides until
//   all
//                         of them wait for it; "unavailable" without userfaultfd
//   byte ADDRESS          answers "byte HEX": what memory holds there
#define _GNU_SOURCE  // NOLINT(bugprone-reserved-identifier): asks the C library for its extensions
#include <fcntl.h>
#include <inttypes.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// Numbers only are read, into variables of their width.
// NOLINTBEGIN(clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling)

uint64_t target_registers_in[16];  // in DWARF order; [7] (rsp) is not loaded
uint64_t target_registers_out[16];

// Registers are stored rip-relative, because none is free to hold an address.
asm(".text\n"
    ".globl target_pass_registers\n"
    "target_pass_registers:\n"
    "  push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
    "  mov target_registers_in+0(%rip), %rax\n"
    "  mov target_registers_in+8(%rip), %rdx\n"
    "  mov target_registers_in+16(%rip), %rcx\n"
    "  mov target_registers_in+24(%rip), %rbx\n"
    "  mov target_registers_in+32(%rip), %rsi\n"
    "  mov target_registers_in+40(%rip), %rdi\n"
    "  mov target_registers_in+48(%rip), %rbp\n"
    "  mov target_registers_in+64(%rip), %r8\n"
    "  mov target_registers_in+72(%rip), %r9\n"
    "  mov target_registers_in+80(%rip), %r10\n"
    "  mov target_registers_in+88(%rip), %r11\n"
    "  mov target_registers_in+96(%rip), %r12\n"
    "  mov target_registers_in+104(%rip), %r13\n"
    "  mov target_registers_in+112(%rip), %r14\n"
    "  mov target_registers_in+120(%rip), %r15\n"
    "  mov %rsp, target_registers_out+56(%rip)\n"
    ".globl target_site_emulated\n"
    "target_site_emulated:\n"
    "  push %r12\n"
    "  pop %r12\n"
    ".globl target_site_stepped\n"
    "target_site_stepped:\n"
    "  mov %r13, %r13\n"
    "  mov %rax, target_registers_out+0(%rip)\n"
    "  mov %rdx, target_registers_out+8(%rip)\n"
    "  mov %rcx, target_registers_out+16(%rip)\n"
    "  mov %rbx, target_registers_out+24(%rip)\n"
    "  mov %rsi, target_registers_out+32(%rip)\n"
    "  mov %rdi, target_registers_out+40(%rip)\n"
    "  mov %rbp, target_registers_out+48(%rip)\n"
    "  mov %r8, target_registers_out+64(%rip)\n"
    "  mov %r9, target_registers_out+72(%rip)\n"
    "  mov %r10, target_registers_out+80(%rip)\n"
    "  mov %r11, target_registers_out+88(%rip)\n"
    "  mov %r12, target_registers_out+96(%rip)\n"
    "  mov %r13, target_registers_out+104(%rip)\n"
    "  mov %r14, target_registers_out+112(%rip)\n"
    "  mov %r15, target_registers_out+120(%rip)\n"
    "  pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
    "  ret\n"
    // target_pass_vectors(id, const uint8_t vectors[16][16]): loads them and passes the site with rdi = id
    ".globl target_pass_vectors\n"
    "target_pass_vectors:\n"
    "  movups   0(%rsi), %xmm0\n"
    "  movups  16(%rsi), %xmm1\n"
    "  movups  32(%rsi), %xmm2\n"
    "  movups  48(%rsi), %xmm3\n"
    "  movups  64(%rsi), %xmm4\n"
    "  movups  80(%rsi), %xmm5\n"
    "  movups  96(%rsi), %xmm6\n"
    "  movups 112(%rsi), %xmm7\n"
    "  movups 128(%rsi), %xmm8\n"
    "  movups 144(%rsi), %xmm9\n"
    "  movups 160(%rsi), %xmm10\n"
    "  movups 176(%rsi), %xmm11\n"
    "  movups 192(%rsi), %xmm12\n"
    "  movups 208(%rsi), %xmm13\n"
    "  movups 224(%rsi), %xmm14\n"
    "  movups 240(%rsi), %xmm15\n"
    ".globl target_site_vectors\n"
    "target_site_vectors:\n"
    "  push %rbp\n"
    "  pop %rbp\n"
    "  movups %xmm0, (%rsi)\n"
    "  movups %xmm15, 240(%rsi)\n"
    "  ret\n"
    ".globl target_hit\n"
    "target_hit:\n"
    "  push %rbp\n"
    "  mov %rsp, %rbp\n"
    "  mov %rdi, -8(%rsp)\n"  // red zone: a probe must leave it alone
    ".globl target_site_red_zone\n"
    "target_site_red_zone:\n"
    "  jmp 1f\n"
    "1: mov -8(%rsp), %rax\n"
    "  pop %rbp\n"
    "  ret\n"
    ".globl target_site_syscall\n"
    "target_site_syscall:\n"
    "  syscall\n"
    "  ret\n"
    ".globl target_site_locked\n"  // the kernel refuses it
    "target_site_locked:\n"
    "  lock incl (%rsp)\n"
    "  ret\n"
    // functions of 4 bytes each
    ".p2align 2\n"
    ".globl target_field\n"
    "target_field:\n"
    ".rept 5000\n"
    "  push %rdi\n"
    "  pop %rax\n"
    "  ret\n"
    "  nop\n"
    ".endr\n");

extern void target_pass_registers(void);
extern void target_pass_vectors(uint64_t id, uint64_t* vectors);
extern const unsigned char target_site_vectors[];
extern uint64_t target_hit(uint64_t value, const char* text);
extern const unsigned char target_site_emulated[], target_site_stepped[], target_site_red_zone[], target_site_syscall[],
    target_site_locked[], target_field[];

struct node {
  struct node* next;
  uint64_t value;
};
struct node target_list[3] = {{&target_list[1], 10}, {&target_list[2], 11}, {&target_list[0], 12}};
const char target_text[] = "the quick brown fox";

static uint64_t file_offset(const void* address) {
  FILE* maps = fopen("/proc/self/maps", "r");
  char line[512];
  uint64_t start, end, offset;
  while (maps && fgets(line, sizeof(line), maps)) {
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64, &start, &end, &offset) != 3) continue;
    if ((uint64_t)address >= start && (uint64_t)address < end) {
      fclose(maps);
      return (uint64_t)address - start + offset;
    }
  }
  abort();
}

static void print_site(const char* name, const unsigned char* code, int length) {
  printf("site %s %" PRIx64 " %" PRIx64 " ", name, file_offset(code), (uint64_t)code);
  for (int i = 0; i < length; ++i) printf("%02x", code[i]);
  printf("\n");
}

static int call(uint64_t from, uint64_t count) {
  int wrong = 0;
  for (uint64_t i = from; i < from + count; ++i) wrong += target_hit(i, target_text) != i;
  return wrong;
}

static void* call_in_thread(void* count) { return (void*)(intptr_t)call(0, (uint64_t)count); }

static int call_in_threads(int threads, uint64_t count) {
  pthread_t ids[64];
  int wrong = 0;
  if (threads > 64) threads = 64;
  for (int i = 0; i < threads; ++i) pthread_create(&ids[i], 0, call_in_thread, (void*)count);
  for (int i = 0; i < threads; ++i) {
    void* result;
    pthread_join(ids[i], &result);
    wrong += (int)(intptr_t)result;
  }
  return wrong;
}

// The low half of xmm n is id * 16 + n, the high half its complement.
static void* vectors_in_thread(void* arguments) {
  const uint64_t first = ((uint64_t*)arguments)[0], count = ((uint64_t*)arguments)[1];
  intptr_t wrong = 0;
  for (uint64_t id = first; id < first + count; ++id) {
    uint64_t vectors[32];
    for (uint64_t n = 0; n < 16; ++n) vectors[2 * n] = id * 16 + n, vectors[2 * n + 1] = ~(id * 16 + n);
    target_pass_vectors(id, vectors);
    wrong += vectors[0] != id * 16 || vectors[1] != ~(id * 16) || vectors[30] != id * 16 + 15;
  }
  return (void*)wrong;
}

static int pass_vectors_in_threads(int threads, uint64_t count) {
  pthread_t ids[64];
  uint64_t arguments[64][2];
  int wrong = 0;
  if (threads > 64) threads = 64;
  for (int i = 0; i < threads; ++i) {
    arguments[i][0] = 1 + (uint64_t)i * count;
    arguments[i][1] = count;
    pthread_create(&ids[i], 0, vectors_in_thread, arguments[i]);
  }
  for (int i = 0; i < threads; ++i) {
    void* result;
    pthread_join(ids[i], &result);
    wrong += (int)(intptr_t)result;
  }
  return wrong;
}

static int call_field(uint64_t count) {
  int wrong = 0;
  for (uint64_t i = 0; i < count && i < 5000; ++i) {
    wrong += ((uint64_t(*)(uint64_t))(uintptr_t)(target_field + 4 * i))(i) != i;
  }
  return wrong;
}

static int call_in_child(uint64_t count) {
  int status = 0;
  pid_t child = fork();
  if (child == 0) _exit(call(0, count) != 0);
  waitpid(child, &status, 0);
  return status;
}

static int pass_registers(void) {
  for (int i = 0; i < 16; ++i) target_registers_in[i] = 0x1111111100000000ull * (unsigned)(i % 7) + (unsigned)i + 0xa0;
  target_pass_registers();
  int wrong = 0;
  for (int i = 0; i < 16; ++i) wrong += i != 7 && target_registers_in[i] != target_registers_out[i];
  return wrong;
}

// A mapping of a file whose page is in the page cache, but not in this process's page table.
static void* cold_page(void) {
  const char text[] = "cold but readable";
  int fd = memfd_create("cold", 0);
  if (fd < 0 || write(fd, text, sizeof(text)) != (ssize_t)sizeof(text)) return 0;
  void* page = mmap(0, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
  close(fd);
  return page == MAP_FAILED ? 0 : page;
}

// A page whose first access waits for the user-space fault handler, here: for release_stalled_page().
static char* stalled_page(int* handler) {
  struct uffdio_api api = {.api = UFFD_API};
  *handler = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
  if (*handler < 0 || ioctl(*handler, UFFDIO_API, &api) != 0) return 0;
  char* page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  struct uffdio_register area = {.range = {(uint64_t)page, 4096}, .mode = UFFDIO_REGISTER_MODE_MISSING};
  return page == MAP_FAILED || ioctl(*handler, UFFDIO_REGISTER, &area) != 0 ? 0 : page;
}

static void release_stalled_page(int handler, char* page) {
  struct uffdio_zeropage zero = {.range = {(uint64_t)page, 4096}};
  ioctl(handler, UFFDIO_ZEROPAGE, &zero);
}

static void* hit_on_first_cpu(void* page) {
  cpu_set_t first;
  CPU_ZERO(&first);
  CPU_SET(0, &first);
  pthread_setaffinity_np(pthread_self(), sizeof(first), &first);
  return (void*)(intptr_t)(target_hit((uint64_t)page, target_text) != (uint64_t)page);
}

static int stall(int threads) {
  pthread_t ids[64];
  int handler, wrong = 0;
  char* page = stalled_page(&handler);
  if (page == 0) return -1;
  if (threads > 64) threads = 64;
  for (int i = 0; i < threads; ++i) pthread_create(&ids[i], 0, hit_on_first_cpu, page);
  usleep(500 * 1000);
  release_stalled_page(handler, page);
  for (int i = 0; i < threads; ++i) {
    void* result;
    pthread_join(ids[i], &result);
    wrong += (int)(intptr_t)result;
  }
  close(handler);
  munmap(page, 4096);
  return wrong;
}

int main(void) {
  char line[256];
  uint64_t a, b;
  setvbuf(stdout, 0, _IOLBF, 0);
  print_site("emulated", target_site_emulated, 2);
  print_site("stepped", target_site_stepped, 3);
  print_site("hit", (const unsigned char*)&target_hit, 1);
  print_site("red_zone", target_site_red_zone, 2);
  print_site("vectors", target_site_vectors, 1);
  print_site("syscall", target_site_syscall, 2);
  print_site("locked", target_site_locked, 4);
  print_site("field", target_field, 1);
  printf("data list %" PRIx64 "\n", (uint64_t)target_list);
  printf("data text %" PRIx64 "\n", (uint64_t)target_text);
  printf("ready\n");
  while (fgets(line, sizeof(line), stdin)) {
    if (sscanf(line, "call %" SCNu64 " %" SCNu64, &a, &b) == 2) {
      printf("wrong %d\n", call(a, b));
    } else if (sscanf(line, "pass %" SCNu64, &a) == 1) {
      printf("wrong %d\n", target_hit(a, target_text) != a);
    } else if (sscanf(line, "threads %" SCNu64 " %" SCNu64, &a, &b) == 2) {
      printf("wrong %d\n", call_in_threads((int)a, b));
    } else if (sscanf(line, "vectors %" SCNu64 " %" SCNu64, &a, &b) == 2) {
      printf("wrong %d\n", pass_vectors_in_threads((int)a, b));
    } else if (sscanf(line, "fork %" SCNu64, &a) == 1) {
      printf("wrong %d\n", call_in_child(a));
    } else if (sscanf(line, "field %" SCNu64, &a) == 1) {
      printf("wrong %d\n", call_field(a));
    } else if (strncmp(line, "registers", 9) == 0) {
      printf("wrong %d\n", pass_registers());
    } else if (strncmp(line, "cold", 4) == 0) {
      printf("cold %" PRIx64 "\n", (uint64_t)cold_page());
    } else if (sscanf(line, "stall %" SCNu64, &a) == 1) {
      const int wrong = stall((int)a);
      if (wrong < 0) {
        printf("unavailable\n");
      } else {
        printf("wrong %d\n", wrong);
      }
    } else if (sscanf(line, "byte %" SCNx64, &a) == 1) {
      printf("byte %02x\n", *(const volatile unsigned char*)a);
    } else {
      printf("unknown\n");
    }
  }
  return 0;
}
// NOLINTEND(clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling)
