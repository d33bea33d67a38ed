/* SPDX-License-Identifier: Apache-2.0
 *
 * Location views in every shape: seven line rows at two addresses, and variables whose lists tell them apart by views.
 * Assembled with -DVERSION=4 (.debug_loc) and 5 (.debug_loclists). Rows (address view line): Start 0 10, Start 1 11,
 * Start 2 12, Start 3 13; Second 0 14, Second 1 15. */
	.file 1 "views_golden.c"
	.text
	.globl main
	.type main, @function
main:
Start:
	.loc 1 10 0 view -0
	.loc 1 11 0 view .Lv1
	.loc 1 12 0 view .Lv2
	.loc 1 13 0 view .Lv3
	xorl %eax, %eax
Second:
	.loc 1 14 0 view .Lw0
	.loc 1 15 0 view .Lw1
	ret
End:
	.size main, .-main

/* One entry of a list: from, to, and the constant that it says. */
#if VERSION == 5
	.section .debug_loclists, "", @progbits
	.long .Llists_end - .Llists_begin
.Llists_begin:
	.value 5
	.byte 8, 0
	.long 0
	.macro ENTRY from, to, literal
	.byte 7			/* DW_LLE_start_end */
	.quad \from, \to
	.uleb128 2
	.byte 0x30 + \literal, 0x9f	/* DW_OP_litN, DW_OP_stack_value */
	.endm
	.macro BASE
	.byte 6			/* DW_LLE_base_address; has no views */
	.quad 0
	.endm
	.macro END_OF_LIST
	.byte 0
	.endm
#else
	.section .debug_loc, "", @progbits
	.macro ENTRY from, to, literal
	.quad \from, \to
	.value 2
	.byte 0x30 + \literal, 0x9f
	.endm
	.macro BASE
	.quad -1, 0
	.endm
	.macro END_OF_LIST
	.quad 0, 0
	.endm
#endif
	.macro VIEWS first, last
	.uleb128 \first
	.uleb128 \last
	.endm

/* 1 on line 10, 2 on lines 11 and 12, 3 on line 13 and then on; 4 from line 15. */
.Lsteps_views:
	VIEWS 0, .Lv1
	VIEWS .Lv1, .Lv3
	VIEWS .Lv3, .Lw1
	VIEWS .Lw1, 0
.Lsteps:
	BASE
	ENTRY Start, Start, 1
	ENTRY Start, Start, 2
	ENTRY Start, Second, 3
	ENTRY Second, End, 4
	END_OF_LIST

/* No value on line 11. */
.Lgap_views:
	VIEWS 0, .Lv1
	VIEWS .Lv2, 0
.Lgap:
	BASE
	ENTRY Start, Start, 1
	ENTRY Start, End, 2
	END_OF_LIST

/* Two values on line 11. */
.Lovermuch_views:
	VIEWS 0, .Lv2
	VIEWS .Lv1, 0
.Lovermuch:
	BASE
	ENTRY Start, Start, 1
	ENTRY Start, End, 2
	END_OF_LIST

/* Fewer views than entries. */
.Lshort_views:
	VIEWS 0, .Lv1
.Lshort:
	BASE
	ENTRY Start, Start, 1
	ENTRY Start, End, 2
	END_OF_LIST

/* An entry with an empty range, and nothing that tells for which statements. */
.Lsilent:
	BASE
	ENTRY Start, Start, 1
	ENTRY Start, End, 2
	END_OF_LIST
.Llists_end:

	.section .debug_abbrev, "", @progbits
	.uleb128 1
	.uleb128 0x11		/* DW_TAG_compile_unit */
	.byte 1
	.uleb128 0x3		/* DW_AT_name */
	.uleb128 0x8
	.uleb128 0x11		/* DW_AT_low_pc */
	.uleb128 0x1
	.uleb128 0x12		/* DW_AT_high_pc */
	.uleb128 0x6
	.uleb128 0x10		/* DW_AT_stmt_list */
	.uleb128 0x17
	.byte 0, 0
	.uleb128 2
	.uleb128 0x2e		/* DW_TAG_subprogram */
	.byte 1
	.uleb128 0x3
	.uleb128 0x8
	.uleb128 0x11
	.uleb128 0x1
	.uleb128 0x12
	.uleb128 0x6
	.byte 0, 0
	.uleb128 3
	.uleb128 0x34		/* DW_TAG_variable */
	.byte 0
	.uleb128 0x3
	.uleb128 0x8
	.uleb128 0x2		/* DW_AT_location */
	.uleb128 0x17
	.uleb128 0x2137		/* DW_AT_GNU_locviews */
	.uleb128 0x17
	.byte 0, 0
	.uleb128 4
	.uleb128 0x34
	.byte 0
	.uleb128 0x3
	.uleb128 0x8
	.uleb128 0x2
	.uleb128 0x17
	.byte 0, 0
	.byte 0

	.section .debug_info, "", @progbits
	.long .Linfo_end - .Linfo_begin
.Linfo_begin:
	.value VERSION
#if VERSION == 5
	.byte 1, 8		/* DW_UT_compile */
	.long .debug_abbrev
#else
	.long .debug_abbrev
	.byte 8
#endif
	.uleb128 1
	.asciz "views_golden.c"
	.quad Start
	.long End - Start
	.long .debug_line
	.uleb128 2
	.asciz "main"
	.quad Start
	.long End - Start
	.macro VARIABLE name
	.uleb128 3
	.asciz "\name"
	.long .L\name
	.long .L\name\()_views
	.endm
	VARIABLE steps
	VARIABLE gap
	VARIABLE overmuch
	VARIABLE short
	.uleb128 4
	.asciz "silent"
	.long .Lsilent
	.byte 0
	.byte 0
.Linfo_end:
	.section .debug_line, "", @progbits
	.section .note.GNU-stack, "", @progbits
