// SPDX-License-Identifier: Apache-2.0
#include "daemon/attach/canary_stubs.h"

#include <cstddef>

#define DLOG_STUBS(X)               \
  X(nop, "nop", true)               \
  X(nop4, "nop4", true)             \
  X(push, "push", true)             \
  X(jmp, "jmp", true)               \
  X(jcc_taken, "jcc", true)         \
  X(jcc_passed, "jcc_not", true)    \
  X(call, "call", true)             \
  X(mov, "stepped", true)           \
  X(rip, "stepped_rip", true)       \
  X(ret, "stepped_ret", true)       \
  X(indirect, "stepped_call", true) \
  X(nop5, "nop5", false)            \
  X(nop10, "nop10", false)          \
  X(rex_nop, "rex_nop", false)      \
  X(lock, "lock", false)            \
  X(syscall, "syscall", false)

// The flags are set first: that writes below the stack pointer. Stores are rip-relative, no register is free to hold an
// address.
asm(R"ASM(
  .pushsection .text
  .macro dlog_canary name, before, instruction, after
  .globl dlog_canary_\name, dlog_canary_\name\()_site
  .type dlog_canary_\name, @function
dlog_canary_\name:
  push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15
  pushq $0x897
  popfq
  .irp n, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120, 128
  movq $0x5a5a5a00+\n, -\n(%rsp)
  .endr
  movabs $0x1010101010101010, %rax
  movabs $0x2020202020202020, %rdx
  movabs $0x3030303030303030, %rcx
  movabs $0x4040404040404040, %rbx
  movabs $0x5050505050505050, %rsi
  movabs $0x6060606060606060, %rdi
  movabs $0x7070707070707070, %rbp
  movabs $0x0808080808080808, %r8
  movabs $0x1818181818181818, %r9
  movabs $0x2828282828282828, %r10
  movabs $0x3838383838383838, %r11
  movabs $0x4848484848484848, %r12
  movabs $0x5858585858585858, %r13
  movabs $0x6868686868686868, %r14
  movabs $0x7878787878787878, %r15
  \before
dlog_canary_\name\()_site:
  \instruction
  \after
  mov %rax, dlog_canary_state+0(%rip)
  mov %rdx, dlog_canary_state+8(%rip)
  mov %rcx, dlog_canary_state+16(%rip)
  mov %rbx, dlog_canary_state+24(%rip)
  mov %rsi, dlog_canary_state+32(%rip)
  mov %rdi, dlog_canary_state+40(%rip)
  mov %rbp, dlog_canary_state+48(%rip)
  mov %r8, dlog_canary_state+64(%rip)
  mov %r9, dlog_canary_state+72(%rip)
  mov %r10, dlog_canary_state+80(%rip)
  mov %r11, dlog_canary_state+88(%rip)
  mov %r12, dlog_canary_state+96(%rip)
  mov %r13, dlog_canary_state+104(%rip)
  mov %r14, dlog_canary_state+112(%rip)
  mov %r15, dlog_canary_state+120(%rip)
  .irp n, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120, 128
  mov -\n(%rsp), %rax
  mov %rax, dlog_canary_state+128+\n(%rip)
  .endr
  pushfq
  pop %rax
  mov %rax, dlog_canary_state+128(%rip)
  pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx
  ret
  .size dlog_canary_\name, . - dlog_canary_\name
  .endm

  dlog_canary nop, "", "nop", ""
  dlog_canary nop4, "", ".byte 0x0f, 0x1f, 0x40, 0x00", ""
  dlog_canary push, "", "push %rbp", "lea 8(%rsp), %rsp"
  dlog_canary jmp, "", "jmp 1f", "ud2; 1:"
  dlog_canary jcc_taken, "", "jc 1f", "ud2; 1:"
  dlog_canary jcc_passed, "", "jnc 1f", "jmp 2f; 1: ud2; 2:"
  dlog_canary call, "", "call 1f", "1: lea 8(%rsp), %rsp"
  dlog_canary mov, "", "mov %r8, %r9", ""
  dlog_canary rip, "", "mov dlog_canary_word(%rip), %r10", ""
  dlog_canary ret, "lea 1f(%rip), %r11; push %r11", "ret", "ud2; 1:"
  dlog_canary indirect, "lea 1f(%rip), %r11", "call *%r11", "ud2; 1: lea 8(%rsp), %rsp"
  dlog_canary nop5, "", ".byte 0x0f, 0x1f, 0x44, 0x00, 0x00", ""
  dlog_canary nop10, "", ".byte 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00", ""
  dlog_canary rex_nop, "", ".byte 0x49, 0x90", ""
  dlog_canary lock, "", "lock addq $0, dlog_canary_word(%rip)", ""
  dlog_canary syscall, "mov $0xfffff, %eax", "syscall", ""

  .globl dlog_canary_shadow_stack, dlog_canary_shadow_stack_site
  .type dlog_canary_shadow_stack, @function
dlog_canary_shadow_stack:
  mov $158, %eax
  mov $0x5001, %edi
  mov $1, %esi
  syscall
  mov $2, %edi
  test %eax, %eax
  jnz 3f
  mov $5, %ebx
dlog_canary_shadow_stack_site:
  call 2f
  dec %ebx
  jnz dlog_canary_shadow_stack_site
  xor %edi, %edi
3: mov $231, %eax
  syscall
2: ret
  .size dlog_canary_shadow_stack, . - dlog_canary_shadow_stack
  .popsection
)ASM");

extern "C" {
dlog::attach::CanaryState dlog_canary_state;
uint64_t dlog_canary_word = 0x1234567812345678;
#define DECLARE(symbol, name, used) \
  void dlog_canary_##symbol();      \
  extern const char dlog_canary_##symbol##_site[];
DLOG_STUBS(DECLARE)
#undef DECLARE
}

namespace dlog::attach {

static_assert(offsetof(CanaryState, flags) == 128 && offsetof(CanaryState, red_zone) == 136);

namespace {

#define STUB(symbol, name, used) {name, dlog_canary_##symbol, dlog_canary_##symbol##_site, used},
constexpr CanaryStub kStubs[] = {DLOG_STUBS(STUB)};
#undef STUB

}  // namespace

std::span<const CanaryStub> CanaryStubs() { return kStubs; }
const CanaryState& LastCanaryState() { return dlog_canary_state; }

}  // namespace dlog::attach
