/* SPDX-License-Identifier: Apache-2.0
 *
 * Call frame information that compilers do not write: rules that are expressions, values instead of places, a register
 * kept in another one, a register that is gone. Nothing calls these functions. */
  .text
  .globl main
  .type main, @function
main:
  .cfi_startproc
  xorl %eax, %eax
  ret
  .cfi_endproc
  .size main, .-main

  .globl expressions
  .type expressions, @function
expressions:
  .cfi_startproc
  nop
  /* CFA = *(rsp + 16) + 32: DW_CFA_def_cfa_expression, breg7 16, deref, plus_uconst 32 */
  .cfi_escape 0x0f, 0x05, 0x77, 0x10, 0x06, 0x23, 0x20
  /* rbx is what CFA + 8 holds: DW_CFA_expression; the CFA is on the stack already */
  .cfi_escape 0x10, 0x03, 0x02, 0x23, 0x08
  /* r12 is CFA - 40 itself: DW_CFA_val_expression, lit40, minus */
  .cfi_escape 0x16, 0x0c, 0x03, 0x08, 0x28, 0x1c
  /* r13 is CFA - 16 itself: DW_CFA_val_offset; r14 is in rax; r8 is undefined; rbp is as it was */
  .cfi_escape 0x14, 0x0d, 0x02
  .cfi_register %r14, %rax
  .cfi_undefined %r8
  .cfi_same_value %rbp
  nop
  /* and back to something simple behind the state stack */
  .cfi_remember_state
  .cfi_def_cfa %rsp, 64
  nop
  .cfi_restore_state
  nop
  ret
  .cfi_endproc
  .size expressions, .-expressions

  .globl no_frame
  .type no_frame, @function
no_frame:
  ret
  .size no_frame, .-no_frame
  .section .note.GNU-stack, "", @progbits
