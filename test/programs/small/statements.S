/* SPDX-License-Identifier: Apache-2.0
 *
 * Line tables and values as optimisers leave them behind, row by row: a line that has only rows that are no statements;
 * rows without an instruction, in a function that the line is not of; a truth value that is computed. */
	.file 1 "statements.c"
	.file 2 "header.h"
	.text
	.globl main
	.type main, @function
main:
	.loc 1 10 0 is_stmt 1
	nop
	.loc 1 11 0
	xorl %eax, %eax
	.loc 1 12 0 is_stmt 0
	nop
	.loc 1 13 0 is_stmt 1
	nop
	.loc 1 14 0
	ret
.Lmain_end:
	.size main, .-main

	.type real, @function
real:
	.loc 1 28 0
	nop
	.loc 1 30 0
	nop
	.loc 1 32 0
	ret
.Lreal_end:
	.size real, .-real

	.type other, @function
other:
	.loc 1 40 0
	nop
	.loc 1 30 0
	.loc 2 5 0
	nop
	.loc 1 31 0
	.loc 2 6 0
	nop
	.loc 1 41 0
	ret
.Lother_end:
	.size other, .-other
.Ltext_end:

	.section .debug_abbrev, "", @progbits
	.macro ABBREVIATION number, tag, children
	.uleb128 \number, \tag
	.byte \children
	.endm
	ABBREVIATION 1, 0x11, 1		/* DW_TAG_compile_unit: name, low_pc, high_pc, stmt_list */
	.uleb128 0x3, 0x8, 0x11, 0x1, 0x12, 0x6, 0x10, 0x17, 0, 0
	ABBREVIATION 2, 0x2e, 1		/* DW_TAG_subprogram: name, decl_file, decl_line, low_pc, high_pc, frame_base */
	.uleb128 0x3, 0x8, 0x3a, 0xb, 0x3b, 0xb, 0x11, 0x1, 0x12, 0x6, 0x40, 0x18, 0, 0
	ABBREVIATION 3, 0x34, 0		/* DW_TAG_variable: name, decl_file, decl_line, type, location */
	.uleb128 0x3, 0x8, 0x3a, 0xb, 0x3b, 0xb, 0x49, 0x13, 0x2, 0x18, 0, 0
	ABBREVIATION 4, 0x24, 0		/* DW_TAG_base_type: name, encoding, byte_size */
	.uleb128 0x3, 0x8, 0x3e, 0xb, 0xb, 0xb, 0, 0
	.byte 0

	.section .debug_info, "", @progbits
	.long .Linfo_end - .Linfo_begin
.Linfo_begin:
	.value 5
	.byte 1, 8			/* DW_UT_compile */
	.long .debug_abbrev
	.uleb128 1
	.asciz "statements.c"
	.quad main
	.long .Ltext_end - main
	.long .debug_line
.Lbool:
	.uleb128 4
	.asciz "bool"
	.byte 2, 1			/* DW_ATE_boolean */
	.macro FUNCTION name, line
	.uleb128 2
	.asciz "\name"
	.byte 1, \line
	.quad \name
	.long .L\name\()_end - \name
	.uleb128 1
	.byte 0x9c			/* DW_OP_call_frame_cfa */
	.endm
	FUNCTION main, 10
	.uleb128 3
	.asciz "truth"
	.byte 1, 10
	.long .Lbool - .Linfo_begin + 4
	.uleb128 4
	.byte 0x70, 0, 0x20, 0x9f	/* DW_OP_breg0 0, DW_OP_not, DW_OP_stack_value */
	.byte 0
	FUNCTION real, 28
	.byte 0
	FUNCTION other, 40
	.byte 0
	.byte 0
.Linfo_end:
	.section .debug_line, "", @progbits
	.section .note.GNU-stack, "", @progbits
