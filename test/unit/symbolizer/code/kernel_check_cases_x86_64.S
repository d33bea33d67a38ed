// SPDX-License-Identifier: Apache-2.0
//
// One instruction per CASE for kernel_check. When it runs, see kernel_check_stub_x86_64.h: rsi, rdi, rbx and r12 point
// into writable data, rsp and rbp into a stack; rip+0x800 is writable data that starts with the address of the place
// "taken", which is also .+0x40, rax of FAR cases, [rsi+0x40], and the top of the stack.
    .intel_syntax noprefix

    .macro CASE insn:vararg
    .pushsection .rodata.cases_text, "a"
9001: .asciz "\insn"
    .popsection
    .pushsection .text.cases, "ax"
9002: \insn
9003:
    .popsection
    .pushsection .data.rel.ro.cases, "aw"
    .quad 9001b, 9002b, 9003b
    .popsection
    .endm

    .pushsection .data.rel.ro.cases, "aw"
    .balign 8
    .globl kernel_check_cases
kernel_check_cases:
    .popsection

    // Emulated: nops.
    CASE .byte 0x90
    CASE .byte 0x66, 0x90
    CASE .byte 0x66, 0x66, 0x90
    CASE .byte 0x0f, 0x1f, 0x00
    CASE .byte 0x0f, 0x1f, 0x40, 0x00
    CASE .byte 0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00
    CASE .byte 0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00
    CASE .byte 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00
    CASE pause
    // Emulated: push.
    .irp r, rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
    CASE push \r
    .endr
    // Emulated: branches.
    .irp cc, o, no, b, ae, e, ne, be, a, s, ns, p, np, l, ge, le, g
    CASE j\cc .+0x40
    CASE .byte 0x0f, (0x80 + (.Lcc_\cc)), 0x3a, 0, 0, 0
    .endr
    .set .Lcc_o, 0
    .set .Lcc_no, 1
    .set .Lcc_b, 2
    .set .Lcc_ae, 3
    .set .Lcc_e, 4
    .set .Lcc_ne, 5
    .set .Lcc_be, 6
    .set .Lcc_a, 7
    .set .Lcc_s, 8
    .set .Lcc_ns, 9
    .set .Lcc_p, 10
    .set .Lcc_np, 11
    .set .Lcc_l, 12
    .set .Lcc_ge, 13
    .set .Lcc_le, 14
    .set .Lcc_g, 15
    CASE jmp .+0x40
    CASE .byte 0xe9, 0x3b, 0, 0, 0
    CASE .byte 0xf2, 0xe9, 0x3a, 0, 0, 0
    CASE .byte 0xf2, 0x74, 0x3d
    CASE call .+0x40
    CASE .byte 0x67, 0xe8, 0x3a, 0, 0, 0
    CASE .byte 0x67, 0xe9, 0x3a, 0, 0, 0
    CASE .byte 0xf2, 0xe8, 0x3a, 0, 0, 0
    CASE .byte 0xe8, 0, 0, 0, 0

    // Stepped: other nops and markers.
    CASE .byte 0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00
    CASE .byte 0x0f, 0x1f, 0xc0
    CASE .byte 0x48, 0x90
    CASE endbr64
    // Stepped: control flow.
    CASE ret
    CASE ret 16
    CASE .byte 0xf3, 0xc3
    CASE .byte 0xf2, 0xc3
    CASE jmp rax
    CASE jmp r11
    CASE call rax
    CASE call r11
    CASE jmp [rsi+0x40]
    CASE call [rsi+0x40]
    CASE call [rsp]
    CASE call [rsp+rcx*8-24]
    CASE jmp [rip+0x800]
    CASE call [rip+0x800]
    CASE .byte 0xf2, 0xff, 0x25, 0x00, 0x08, 0x00, 0x00
    // Stepped: moves.
    CASE mov rax, rdx
    CASE mov eax, eax
    CASE mov al, bh
    CASE mov rax, 0x1122334455667788
    CASE mov eax, 7
    CASE mov r9, [rsi+8]
    CASE mov [rdi+0x10], r10
    CASE mov byte ptr [rdi+3], 7
    CASE mov word ptr [rdi+3], 7
    CASE mov dword ptr [rdi+rcx*4], 0x12345
    CASE mov rax, [rip+0x800]
    CASE mov rsi, [rip+0x800]
    CASE mov rdi, [rip+0x800]
    CASE mov r14, [rip+0x800]
    CASE mov [rip+0x800], rsi
    CASE mov [rip+0x800], rdi
    CASE mov dword ptr [rip+0x800], 0x12345678
    CASE mov rax, qword ptr fs:[0]
    CASE mov rsi, qword ptr fs:[0x28]
    CASE mov rax, [rsp-8]
    CASE mov [rsp-16], rax
    CASE .byte 0x67, 0x8b, 0x06
    CASE movzx eax, byte ptr [rsi]
    CASE movsx rax, word ptr [rsi]
    CASE movsxd rax, dword ptr [rsi]
    CASE movbe rax, [rsi]
    CASE movbe [rdi], rax
    CASE lea rax, [rdi+rcx*8+5]
    CASE lea rsi, [rip+0x800]
    CASE lea r13, [rip+0x800]
    CASE .byte 0x66, 0x48, 0x8d, 0x3d, 0, 8, 0, 0
    CASE lea rsp, [rsp-0x20]
    CASE .byte 0x48, 0x8d, 0x76, 0x00
    CASE xchg rax, rdx
    CASE xchg [rdi], rax
    CASE xchg [rip+0x800], rbx
    CASE xchg r8, r9
    CASE bswap r8
    CASE push 5
    CASE push 0x12345
    CASE push [rsi]
    CASE push [rsp+8]
    CASE push [rip+0x800]
    CASE .byte 0x48, 0x50
    CASE pop rax
    CASE pop r12
    CASE pop rsp
    CASE pop [rdi]
    CASE pop [rsp+8]
    CASE pop [rip+0x800]
    CASE leave
    CASE cbw
    CASE cwde
    CASE cdqe
    CASE cwd
    CASE cdq
    CASE cqo
    // Stepped: integer arithmetic.
    .irp op, add, adc, sub, sbb, and, or, xor, cmp, test
    CASE \op rax, rdx
    CASE \op [rdi], r9
    CASE \op dword ptr [rip+0x800], 0x1234567
    CASE \op byte ptr [rip+0x800], 5
    .endr
    CASE add rsi, [rip+0x800]
    CASE cmp rdi, [rip+0x800]
    CASE sub rsp, 0x18
    CASE add rsp, 0x18
    .irp op, inc, dec, neg, not, mul, imul, div, idiv
    CASE \op ecx
    CASE \op dword ptr [rip+0x800]
    .endr
    CASE mul qword ptr [rsi]
    CASE div qword ptr [rip+0x800]
    CASE imul rax, rdx
    CASE imul r9, [rip+0x800]
    CASE imul rax, rdx, 77
    CASE imul esi, [rip+0x800], 0x12345
    .irp op, shl, shr, sar, rol, ror, rcl, rcr
    CASE \op rax, 5
    CASE \op rax, 1
    CASE \op r8, cl
    CASE \op qword ptr [rip+0x800], cl
    .endr
    CASE shld rax, rdx, 5
    CASE shrd [rip+0x800], rdx, cl
    .irp op, bt, bts, btr, btc
    CASE \op rax, 9
    CASE \op qword ptr [rip+0x800], 9
    .endr
    CASE bsf rax, rdx
    CASE bsr rax, rdi
    CASE tzcnt rax, [rip+0x800]
    CASE lzcnt rax, rdi
    CASE popcnt rax, [rip+0x800]
    CASE xadd [rip+0x800], rdx
    CASE cmpxchg [rip+0x800], rdx
    CASE cmpxchg [rdi], rdx
    // Stepped: flags.
    CASE sahf
    CASE lahf
    CASE clc
    CASE stc
    CASE cmc
    CASE cld
    CASE std
    .irp cc, o, no, b, ae, e, ne, be, a, s, ns, p, np, l, ge, le, g
    CASE set\cc al
    CASE cmov\cc rax, rdi
    .endr
    CASE sete byte ptr [rip+0x800]
    CASE cmove rax, [rip+0x800]
    // Stepped: strings without repetition.
    CASE movsb
    CASE movsq
    CASE movsw
    CASE .byte 0xa5
    CASE stosb
    CASE stosq
    CASE stosd
    CASE stosw
    CASE lodsb
    CASE lodsd
    CASE lodsq
    CASE scasb
    CASE cmpsb
    // Stepped: x87 and MMX.
    CASE fld qword ptr [rsi]
    CASE fld tbyte ptr [rip+0x800]
    CASE fld1
    CASE fldz
    CASE fild dword ptr [rip+0x800]
    CASE fstp qword ptr [rip+0x800]
    CASE fadd st(0), st(1)
    CASE faddp
    CASE fxch
    CASE fchs
    CASE fucomip st, st(1)
    CASE fcomi st, st(1)
    CASE fucomi st, st(1)
    CASE fcomip st, st(1)
    CASE fcmove st, st(1)
    CASE fisttp qword ptr [rdi]
    CASE fnstcw [rip+0x800]
    CASE fldcw [rsp-4]
    CASE fnstsw ax
    CASE emms
    CASE movq mm0, [rsi]
    CASE paddd mm0, mm1
    // Stepped: SSE.
    CASE movss xmm0, [rip+0x800]
    CASE movsd xmm9, [rip+0x800]
    CASE movsd [rip+0x800], xmm3
    CASE movaps xmm0, xmm1
    CASE movups [rdi], xmm8
    CASE movdqa xmm6, [rip+0x808]
    CASE movdqu xmm7, [rip+0x800]
    CASE movq xmm0, rax
    CASE movq rsi, xmm3
    CASE movd edi, xmm3
    CASE movd dword ptr [rip+0x800], xmm3
    CASE movhlps xmm0, xmm1
    CASE movlhps xmm0, xmm1
    CASE movhps xmm0, [rip+0x800]
    CASE movlps [rdi], xmm0
    CASE movmskpd eax, xmm3
    CASE movntdq [rdi+0x30], xmm0
    .irp op, addsd, subsd, mulsd, divsd, minsd, maxsd, sqrtsd, ucomisd, comisd, cvtsd2ss
    CASE \op xmm0, xmm1
    CASE \op xmm6, qword ptr [rip+0x800]
    .endr
    .irp op, addps, mulps, divps, andps, andnps, orps, xorps, unpcklps, rcpps, rsqrtps, addpd, cvtdq2pd, cvtps2pd
    CASE \op xmm0, xmm1
    .endr
    CASE cvtsi2sd xmm0, rax
    CASE cvtsi2ss xmm0, dword ptr [rip+0x800]
    CASE cvttsd2si rsi, xmm2
    CASE cvttss2si edi, dword ptr [rip+0x800]
    CASE cmpltsd xmm0, xmm1
    CASE cmpltps xmm0, [rip+0x808]
    CASE shufps xmm0, xmm1, 0x1b
    CASE pshufd xmm0, xmm1, 0x1b
    CASE pshufd xmm6, [rip+0x807], 0x1b
    .irp op, paddd, psubq, pmuludq, pand, por, pxor, pandn, pcmpeqb, pcmpgtd, punpcklbw, punpcklqdq, pminub, pavgb, psadbw, packuswb, pmaddwd
    CASE \op xmm0, xmm1
    .endr
    CASE pslld xmm0, 5
    CASE psrldq xmm0, 4
    CASE psllq xmm0, xmm1
    CASE pmovmskb eax, xmm3
    CASE pextrw eax, xmm3, 3
    CASE pinsrw xmm3, [rip+0x800], 3
    CASE ldmxcsr [rsp-8]
    CASE stmxcsr [rip+0x800]
    CASE haddps xmm0, xmm1
    CASE lddqu xmm0, [rsi]
    CASE pshufb xmm0, xmm1
    CASE palignr xmm0, xmm1, 3
    CASE pabsd xmm0, xmm1
    CASE pmulld xmm0, xmm1
    CASE pmovzxbw xmm0, [rip+0x800]
    CASE ptest xmm0, xmm1
    CASE roundsd xmm0, xmm1, 1
    CASE pblendvb xmm1, xmm2
    CASE pextrq rsi, xmm3, 1
    CASE pinsrq xmm3, [rip+0x800], 1
    CASE insertps xmm0, xmm1, 0x10
    CASE pcmpistri xmm0, xmm1, 0xc
    CASE pcmpestri xmm0, [rip+0x806], 0xc
    CASE pcmpgtq xmm0, xmm1
    CASE crc32 eax, dword ptr [rip+0x800]
    CASE aesenc xmm0, xmm1
    CASE aeskeygenassist xmm0, xmm1, 1
    CASE pclmulqdq xmm0, xmm1, 0x11
    CASE sha256rnds2 xmm1, xmm2
    CASE adcx rax, rdx
    CASE adox rax, [rip+0x800]
    CASE prefetcht0 [rsi]
    CASE prefetchw [rsi]
    CASE prefetchnta [rip+0x800]
    CASE mfence
    CASE lfence
    CASE sfence
    CASE rdtsc
    // Stepped: VEX.
    CASE andn rax, rdx, [rip+0x800]
    CASE andn rsi, rdi, [rip+0x800]
    CASE blsr rax, rdi
    CASE blsi rsi, [rip+0x800]
    CASE blsmsk rdi, [rip+0x800]
    CASE bextr rax, rdi, rcx
    CASE bzhi rax, [rip+0x800], rcx
    CASE shlx rax, rdi, rcx
    CASE sarx rsi, [rip+0x800], rdi
    CASE shrx rdi, [rip+0x800], rsi
    CASE rorx rax, [rip+0x800], 7
    CASE mulx rsi, rdi, [rip+0x800]
    CASE mulx rbx, rcx, [rip+0x800]
    CASE pdep rax, rdi, rcx
    CASE pext rax, rdi, rcx
    .irp op, vaddsd, vsubsd, vmulsd, vdivsd, vminsd, vmaxsd, vsqrtsd
    CASE \op xmm0, xmm1, xmm2
    CASE \op xmm6, xmm9, qword ptr [rip+0x800]
    .endr
    .irp op, vaddps, vmulps, vsubpd, vdivps, vandps, vandnps, vorps, vxorps, vpaddb, vpaddw, vpaddd, vpcmpgtb, vpcmpgtd, vpsubb, vpsubw, vpunpckhbw, vpackuswb, vpminub, vpmaxub, vpand, vpandn, vpavgb, vpmulhw, vpmaddwd, vpsadbw, vunpcklps, vunpckhpd
    CASE \op ymm0, ymm1, ymm2
    .endr
    CASE vmovss xmm0, [rip+0x800]
    CASE vmovsd xmm9, [rip+0x800]
    CASE vmovsd [rip+0x800], xmm3
    CASE vmovups ymm0, [rsi]
    CASE vmovups [rdi], ymm9
    CASE vmovaps ymm0, ymm9
    CASE vmovups ymm6, [rip+0x800]
    CASE vcvtsi2sd xmm0, xmm1, rax
    CASE vcvttsd2si rsi, xmm2
    CASE vcvtsd2ss xmm0, xmm1, xmm2
    CASE vcvtss2sd xmm0, xmm1, dword ptr [rip+0x800]
    CASE vucomisd xmm0, xmm1
    CASE vshufps ymm0, ymm1, ymm2, 0x1b
    CASE vpshufb ymm0, ymm1, ymm2
    CASE vpalignr ymm0, ymm1, ymm2, 5
    CASE vpslld ymm0, ymm1, xmm2
    CASE vpsrlq xmm0, xmm1, xmm2
    CASE vpmovmskb eax, ymm3
    CASE vmovmskps eax, ymm3
    CASE vpinsrd xmm0, xmm1, [rip+0x800], 2
    CASE vpextrq rsi, xmm3, 1
    CASE vinsertf128 ymm0, ymm1, [rip+0x80a], 1
    CASE vextracti128 xmm0, ymm1, 1
    CASE vextracti128 [rip+0x80a], ymm1, 1
    CASE vperm2i128 ymm0, ymm1, ymm2, 0x21
    CASE vpermq ymm0, ymm1, 0x1b
    CASE vbroadcastss ymm0, [rip+0x800]
    CASE vpbroadcastd ymm0, xmm1
    CASE vpbroadcastq ymm0, [rip+0x800]
    CASE vpmulld ymm0, ymm1, ymm2
    CASE vpminud ymm0, ymm1, ymm2
    CASE vpcmpeqq ymm0, ymm1, ymm2
    CASE vpmovzxbw ymm0, [rip+0x800]
    CASE vpsllvd ymm0, ymm1, ymm2
    CASE vroundsd xmm0, xmm1, xmm2, 1
    CASE vpblendvb ymm0, ymm1, ymm2, ymm3
    CASE vfmadd132sd xmm0, xmm1, [rip+0x800]
    CASE vfmadd213ps ymm0, ymm1, ymm2
    CASE vfmadd231sd xmm0, xmm1, xmm2
    CASE vfnmadd231ps ymm0, ymm1, [rip+0x800]
    CASE vcvtph2ps ymm0, xmm1
    CASE vcvtps2ph xmm0, ymm1, 0
    CASE vaesenc xmm0, xmm1, xmm2
    CASE vpclmulqdq xmm0, xmm1, xmm2, 0x11
    CASE vldmxcsr [rsp-8]
    CASE vstmxcsr [rip+0x800]
    CASE vtestps ymm0, ymm1
    CASE vmaskmovps ymm0, ymm1, [rsi]
    CASE vpmaskmovd [rdi], ymm1, ymm2
    CASE vlddqu ymm0, [rsi]
    CASE vmovddup ymm0, ymm1
    CASE vmovhlps xmm0, xmm1, xmm2
    CASE vmovlps xmm0, xmm1, [rip+0x800]
    CASE vhaddps xmm0, xmm1, xmm2

    // Refused by us: run only by --survey, to see what the kernel makes of them.
    CASE .byte 0x0f, 0x1f, 0x44, 0x00, 0x00
    CASE .byte 0x66, 0x0f, 0x1f, 0x40, 0x00
    CASE .byte 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00
    CASE .byte 0x66, 0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00
    CASE .byte 0xe9, 0, 0, 0, 0
    CASE .byte 0xeb, 8
    CASE .byte 0x49, 0x90
    CASE .byte 0x41, 0x90
    CASE lock inc qword ptr [rdi]
    CASE .byte 0x3e, 0xff, 0xe0
    CASE .byte 0x3e, 0x74, 0x3d
    CASE .byte 0x66, 0x66, 0x48, 0xe8, 0x38, 0, 0, 0
    CASE .byte 0x66, 0x48, 0xff, 0x15, 0, 8, 0, 0
    CASE ud2
    CASE int3
    CASE hlt
    CASE rdtscp
    CASE xgetbv
    CASE pushfq
    CASE popfq
    CASE rep movsb
    CASE rep stosq
    CASE repne scasb
    CASE jrcxz .+0x40
    CASE loop .+0x40
    CASE cpuid
    CASE mov ax, ss
    CASE fxsave [rdi]
    CASE syscall
    CASE vpor xmm0, xmm1, xmm2
    CASE vpsubsb xmm0, xmm1, xmm2
    CASE vpsubsw xmm0, xmm1, xmm2
    CASE vpshufd xmm0, xmm1, 0x1b
    CASE vpshuflw xmm0, xmm1, 0x1b
    CASE vpcmpeqb ymm0, ymm1, ymm2
    CASE vpcmpeqd ymm0, ymm1, ymm2
    CASE vpslld ymm0, ymm1, 5
    CASE vpsrldq ymm0, ymm1, 5
    CASE vzeroupper
    CASE vzeroall
    CASE vhaddpd xmm0, xmm1, xmm2
    CASE vmovd eax, xmm0
    CASE vmovq xmm0, xmm1
    CASE vmovd xmm0, eax
    CASE vmovq rax, xmm3
    CASE vmovdqa [rdi], xmm0
    CASE vmovdqu [rdi], ymm0
    CASE vmovdqu ymm0, [rsi]
    CASE vpxor xmm0, xmm1, xmm2
    CASE vpsubd xmm0, xmm1, xmm2
    CASE vpaddq xmm0, xmm1, xmm2
    CASE vcmpltps xmm0, xmm1, xmm2
    CASE vcmpltsd xmm0, xmm1, xmm2
    CASE vpgatherdd ymm0, [rdi+ymm5], ymm2
    CASE vpbroadcastb ymm0, xmm1
    CASE vpbroadcastw ymm0, xmm1
    CASE vfnmadd132sd xmm0, xmm1, xmm2
    CASE vfmadd132pd ymm0, ymm1, ymm2
    CASE vfmsub132pd ymm0, ymm1, ymm2
    CASE vmovhps xmm0, xmm1, [rsi]
    CASE vcomisd xmm0, xmm1
    CASE vptest ymm0, ymm1
    CASE vpabsd ymm0, ymm1
    CASE vpunpcklbw ymm0, ymm1, ymm2
    CASE kmovw k1, eax
    CASE kmovw k1, k2
    CASE vpord zmm0, zmm1, zmm2
    CASE vmovdqu64 zmm0, [rsi]
    CASE vpaddd zmm0, zmm1, zmm2

    .pushsection .data.rel.ro.cases, "aw"
    .globl kernel_check_cases_end
kernel_check_cases_end:
    .popsection
    .section .note.GNU-stack, "", @progbits
