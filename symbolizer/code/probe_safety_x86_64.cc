// SPDX-License-Identifier: Apache-2.0
//
// "Reported by the kernel" below means: register_uprobe fails with ENOTSUPP, and one such address fails a whole
// uprobe_multi link. "x86_nops" is the kernel's table of canonical NOPs, arch/x86/include/asm/nops.h.
#include "symbolizer/code/probe_safety_x86_64.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "symbolizer/code/allow_list_x86_64.h"

namespace dlog::code {
namespace {

constexpr uint8_t kOperandSizePrefix = 0x66;
constexpr uint8_t kAddressSizePrefix = 0x67;
constexpr uint8_t kRepneOrBndPrefix = 0xf2;
constexpr uint8_t kRepPrefix = 0xf3;

struct NamedReason {
  ZydisMnemonic mnemonic;
  const char* reason;
};

constexpr char kTransaction[] = "a probe inside or at a hardware transaction aborts it";
constexpr char kRaisesSignal[] = "it raises a signal by itself, so no statement continues here";
constexpr char kTrapFlag[] = "it moves the trap flag, which the kernel uses to step over the instruction";
constexpr char kSystemGroup[] = "kernels differ in what they do with this group of system instructions (0f 01)";
constexpr char kSyscall[] = "a probe on it can crash the target: the kernel steps a copy and the way back leaks out";
constexpr char kPrivileged[] = "it is not executable in user mode";

// Instructions that are worth an explanation; all of them would be refused by the allow-list anyway.
constexpr NamedReason kNamedReasons[] = {
    {ZYDIS_MNEMONIC_SYSCALL, kSyscall},
    {ZYDIS_MNEMONIC_SYSENTER, kSyscall},
    {ZYDIS_MNEMONIC_SYSEXIT, kPrivileged},
    {ZYDIS_MNEMONIC_SYSRET, kPrivileged},
    {ZYDIS_MNEMONIC_INT3, "it is a breakpoint already: padding that never runs, or another debugger's"},
    {ZYDIS_MNEMONIC_INT1, kRaisesSignal},
    {ZYDIS_MNEMONIC_INT, "the kernel refuses probes on software interrupts"},
    {ZYDIS_MNEMONIC_INTO, kRaisesSignal},
    {ZYDIS_MNEMONIC_UD0, kRaisesSignal},
    {ZYDIS_MNEMONIC_UD1, kRaisesSignal},
    {ZYDIS_MNEMONIC_UD2, kRaisesSignal},
    {ZYDIS_MNEMONIC_HLT, kPrivileged},
    {ZYDIS_MNEMONIC_CLI, kPrivileged},
    {ZYDIS_MNEMONIC_STI, kPrivileged},
    {ZYDIS_MNEMONIC_IN, "the kernel refuses probes on port input and output"},
    {ZYDIS_MNEMONIC_OUT, "the kernel refuses probes on port input and output"},
    {ZYDIS_MNEMONIC_INSB, "the kernel refuses probes on port input and output"},
    {ZYDIS_MNEMONIC_INSW, "the kernel refuses probes on port input and output"},
    {ZYDIS_MNEMONIC_INSD, "the kernel refuses probes on port input and output"},
    {ZYDIS_MNEMONIC_OUTSB, "the kernel refuses probes on port input and output"},
    {ZYDIS_MNEMONIC_OUTSW, "the kernel refuses probes on port input and output"},
    {ZYDIS_MNEMONIC_OUTSD, "the kernel refuses probes on port input and output"},
    {ZYDIS_MNEMONIC_IRET, "a return from interrupt cannot be stepped out of line"},
    {ZYDIS_MNEMONIC_IRETD, "a return from interrupt cannot be stepped out of line"},
    {ZYDIS_MNEMONIC_IRETQ, "a return from interrupt cannot be stepped out of line"},
    {ZYDIS_MNEMONIC_XBEGIN, kTransaction},
    {ZYDIS_MNEMONIC_XEND, kTransaction},
    {ZYDIS_MNEMONIC_XABORT, kTransaction},
    {ZYDIS_MNEMONIC_XTEST, kTransaction},
    {ZYDIS_MNEMONIC_RDTSCP, kSystemGroup},
    {ZYDIS_MNEMONIC_XGETBV, kSystemGroup},
    {ZYDIS_MNEMONIC_MONITOR, kSystemGroup},
    {ZYDIS_MNEMONIC_MWAIT, kSystemGroup},
    {ZYDIS_MNEMONIC_MONITORX, kSystemGroup},
    {ZYDIS_MNEMONIC_MWAITX, kSystemGroup},
    {ZYDIS_MNEMONIC_RDPKRU, kSystemGroup},
    {ZYDIS_MNEMONIC_WRPKRU, kSystemGroup},
    {ZYDIS_MNEMONIC_PUSHF, kTrapFlag},
    {ZYDIS_MNEMONIC_PUSHFD, kTrapFlag},
    {ZYDIS_MNEMONIC_PUSHFQ, kTrapFlag},
    {ZYDIS_MNEMONIC_POPF, kTrapFlag},
    {ZYDIS_MNEMONIC_POPFD, kTrapFlag},
    {ZYDIS_MNEMONIC_POPFQ, kTrapFlag},
};

// NOPs that the kernel emulates: opcode 90 in every version, the rest of x86_nops since 6.16.
constexpr uint8_t kNop1[] = {0x90};
constexpr uint8_t kNop2[] = {0x66, 0x90};
constexpr uint8_t kNop3Prefixed[] = {0x66, 0x66, 0x90};
constexpr uint8_t kNop3[] = {0x0f, 0x1f, 0x00};
constexpr uint8_t kNop4[] = {0x0f, 0x1f, 0x40, 0x00};
constexpr uint8_t kNop6[] = {0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00};
constexpr uint8_t kNop7[] = {0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00};
constexpr uint8_t kNop8[] = {0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00};
constexpr std::span<const uint8_t> kEmulatedNops[] = {kNop1, kNop2, kNop3Prefixed, kNop3, kNop4, kNop6, kNop7, kNop8};

// Lengths of NOPs that one kernel or another replaces by a call: 5 since 6.18, 10 in the repaired generation.
constexpr bool IsOptimizedLength(size_t length) { return length == 5 || length == 10; }

struct Probed {
  std::span<const uint8_t> bytes;
  const ZydisDecodedInstruction& instruction;
  std::span<const ZydisDecodedOperand> operands;

  bool Is(ZydisMnemonic mnemonic) const { return instruction.mnemonic == mnemonic; }
  bool IsBranch() const { return instruction.meta.branch_type != ZYDIS_BRANCH_TYPE_NONE; }
  bool IsOneByteOpcode() const {
    return instruction.encoding == ZYDIS_INSTRUCTION_ENCODING_LEGACY &&
           instruction.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT;
  }
  bool HasPrefix(uint8_t value) const {
    for (int i = 0; i < instruction.raw.prefix_count; ++i) {
      if (instruction.raw.prefixes[i].value == value) return true;
    }
    return false;
  }
};

std::string ReasonOfPrefixes(const Probed& p) {
  for (int i = 0; i < p.instruction.raw.prefix_count; ++i) {
    switch (p.instruction.raw.prefixes[i].value) {
      case 0xf0:
        return "the kernel refuses probes on instructions with a LOCK prefix";
      case 0x26:
      case 0x2e:
      case 0x36:
      case 0x3e:
        return "the kernel refuses probes on instructions with an ES, CS, SS or DS segment prefix";
      default:
        break;
    }
  }
  if (p.HasPrefix(kOperandSizePrefix) && p.IsBranch()) {
    return p.Is(ZYDIS_MNEMONIC_CALL) && p.instruction.raw.imm[0].is_relative
               ? "the kernel refuses probes on calls with an operand-size prefix (thread-local storage sequence)"
               : "branches with an operand-size prefix differ between processors";
  }
  if ((p.instruction.attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE)) != 0) {
    return "it repeats: the probe would fire once per element instead of once";
  }
  return "";
}

// Redundant and misplaced prefixes are decoded differently by the kernel and by processors; only the ones that
// toolchains produce are taken.
bool HasOddPrefixes(const Probed& p) {
  const auto& raw = p.instruction.raw;
  for (int i = 0; i < raw.prefix_count; ++i) {
    const auto& prefix = raw.prefixes[i];
    const bool is_rex = (prefix.value & 0xf0) == 0x40;
    if (is_rex && i + 1 != raw.prefix_count) return true;  // the processor ignores a REX that is not last
    if (std::count_if(raw.prefixes, raw.prefixes + raw.prefix_count,
                      [&](const auto& other) { return other.value == prefix.value; }) > 1) {
      return true;
    }
    switch (prefix.value) {
      case kOperandSizePrefix:
        // Padding of the general-dynamic TLS sequence: "data16 lea rdi, [rip+x]".
        if (prefix.type == ZYDIS_PREFIX_TYPE_IGNORED && !p.Is(ZYDIS_MNEMONIC_LEA)) return true;
        break;
      case kAddressSizePrefix:
        // "addr32 call f" is what linkers make of "call [rip+f@GOT]"; on memory operands it is ordinary unless the
        // kernel would have to rewrite an eip-relative address.
        if (p.IsOneByteOpcode() && (p.instruction.opcode == 0xe8 || p.instruction.opcode == 0xe9)) break;
        if (prefix.type == ZYDIS_PREFIX_TYPE_IGNORED) return true;
        if (raw.modrm.mod == 0 && raw.modrm.rm == 5) return true;
        break;
      case kRepneOrBndPrefix:
        if (prefix.type != ZYDIS_PREFIX_TYPE_MANDATORY && !p.IsBranch()) return true;
        break;
      case kRepPrefix:
        // "rep ret" is what compilers emit for some older processors.
        if (prefix.type != ZYDIS_PREFIX_TYPE_MANDATORY && !p.Is(ZYDIS_MNEMONIC_RET)) return true;
        break;
      default:
        if (!is_rex && prefix.type == ZYDIS_PREFIX_TYPE_IGNORED) return true;  // fs and gs without a memory operand
        break;
    }
  }
  return false;
}

// The kernel's decoder keeps of a VEX instruction only the opcode byte, without its map, and the uprobe code compares
// that byte with one-byte opcodes: vpor (VEX.0F EB) is taken for a jmp, vcmpps (VEX.0F C2) for a ret.
std::string ReasonOfVexOpcode(uint8_t opcode) {
  constexpr uint8_t kTakenForRefused[] = {0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27, 0x2f, 0x37,
                                          0x3f, 0x60, 0x61, 0x62, 0x6c, 0x6d, 0x6e, 0x6f, 0x82, 0x8e,
                                          0x9a, 0xcd, 0xce, 0xcf, 0xd4, 0xd5, 0xd6, 0xe4, 0xe5, 0xe6,
                                          0xe7, 0xea, 0xec, 0xed, 0xee, 0xef, 0xf1, 0xf4, 0xfa, 0xfb};
  if (std::find(std::begin(kTakenForRefused), std::end(kTakenForRefused), opcode) != std::end(kTakenForRefused)) {
    return "the kernel takes this VEX instruction for one that it refuses";
  }
  if ((opcode >= 0x70 && opcode <= 0x7f) || opcode == 0xe8 || opcode == 0xe9 || opcode == 0xeb) {
    return "the kernel takes this VEX instruction for a branch and emulates that: silent corruption";
  }
  if (opcode == 0x90) return "the kernel takes this VEX instruction for a nop and skips it: silent corruption";
  if (opcode == 0x9d) return "the kernel takes this VEX instruction for popf and leaves single-stepping on";
  if (opcode == 0xc2 || opcode == 0xc3 || opcode == 0xca || opcode == 0xcb || opcode == 0xff) {
    return "the kernel takes this VEX instruction for a return or call and does not come back from it";
  }
  return "";
}

std::string ReasonOfEncoding(const Probed& p) {
  switch (p.instruction.encoding) {
    case ZYDIS_INSTRUCTION_ENCODING_LEGACY:
      return "";
    case ZYDIS_INSTRUCTION_ENCODING_VEX:
      return ReasonOfVexOpcode(p.instruction.opcode);
    case ZYDIS_INSTRUCTION_ENCODING_EVEX:
      return "EVEX (AVX-512) instructions are misread by the kernel's probe code";
    default:
      return "the kernel's probe code does not know this instruction encoding";
  }
}

bool IsSystemRegister(ZydisRegister reg) {
  switch (ZydisRegisterGetClass(reg)) {
    case ZYDIS_REGCLASS_SEGMENT:
    case ZYDIS_REGCLASS_CONTROL:
    case ZYDIS_REGCLASS_DEBUG:
    case ZYDIS_REGCLASS_TEST:
    case ZYDIS_REGCLASS_TABLE:
      return true;
    default:
      return false;
  }
}

// An instruction that changes nothing but rip, in any spelling that a kernel may take for a NOP (insn_is_nop()).
bool HasNoEffect(const Probed& p) {
  if (p.Is(ZYDIS_MNEMONIC_NOP)) return true;
  if (p.Is(ZYDIS_MNEMONIC_JMP)) return p.instruction.raw.imm[0].is_relative && p.instruction.raw.imm[0].value.s == 0;
  if (p.operands.size() != 2 || p.operands[0].type != ZYDIS_OPERAND_TYPE_REGISTER) return false;
  if (p.Is(ZYDIS_MNEMONIC_MOV)) {
    return p.operands[1].type == ZYDIS_OPERAND_TYPE_REGISTER && p.operands[0].reg.value == p.operands[1].reg.value;
  }
  const auto& address = p.operands[1].mem;
  return p.Is(ZYDIS_MNEMONIC_LEA) && address.base == p.operands[0].reg.value && address.index == ZYDIS_REGISTER_NONE &&
         address.disp.value == 0;
}

std::string ReasonOfOperation(const Probed& p) {
  for (const NamedReason& named : kNamedReasons) {
    if (p.Is(named.mnemonic)) return named.reason;
  }
  if (p.instruction.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR) return "far calls, jumps and returns cannot be stepped";
  if (p.Is(ZYDIS_MNEMONIC_XCHG) && p.IsOneByteOpcode() && p.instruction.opcode == 0x90) {
    return "the kernel takes it for a nop: the exchange would silently not happen";
  }
  if (IsOptimizedLength(p.bytes.size()) && HasNoEffect(p)) {
    return "this kernel may turn it into a call that overwrites the red zone and kills forked children";
  }
  // The form that the repaired optimisation leaves behind in a NOP slot; a kernel of that generation would write a
  // call over the eight bytes that the program jumps over.
  if (p.bytes.size() == 2 && p.bytes[0] == 0xeb && p.bytes[1] == 0x08) {
    return "newer kernels may take a jump over 8 bytes for a NOP slot of theirs and overwrite those bytes";
  }
  for (const ZydisDecodedOperand& operand : p.operands) {
    if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER && IsSystemRegister(operand.reg.value)) {
      return "it uses a segment or system register, which the kernel does not step safely";
    }
  }
  return "";
}

bool IsEmulated(const Probed& p) {
  for (std::span<const uint8_t> nop : kEmulatedNops) {
    if (std::equal(nop.begin(), nop.end(), p.bytes.begin(), p.bytes.end())) return true;
  }
  if (p.Is(ZYDIS_MNEMONIC_PAUSE)) return true;
  const uint8_t opcode = p.instruction.opcode;
  if (p.IsOneByteOpcode()) {
    if (opcode == 0xe8 || opcode == 0xe9 || opcode == 0xeb || (opcode >= 0x70 && opcode <= 0x7f)) return true;
    // push_setup_xol_ops(): no prefix, or exactly REX.B.
    if (opcode >= 0x50 && opcode <= 0x57) return p.bytes.size() == 1 || (p.bytes.size() == 2 && p.bytes[0] == 0x41);
    return false;
  }
  return p.instruction.encoding == ZYDIS_INSTRUCTION_ENCODING_LEGACY &&
         p.instruction.opcode_map == ZYDIS_OPCODE_MAP_0F && opcode >= 0x80 && opcode <= 0x8f;
}

}  // namespace

Verdict JudgeProbe(std::span<const uint8_t> bytes, const ZydisDecodedInstruction& instruction,
                   std::span<const ZydisDecodedOperand> operands) {
  const Probed p{bytes, instruction, operands};
  for (auto* reason_of : {&ReasonOfPrefixes, &ReasonOfOperation, &ReasonOfEncoding}) {
    std::string reason = reason_of(p);
    if (!reason.empty()) return {ProbeClass::kRefused, std::move(reason)};
  }
  if (!IsOrdinaryOperation(instruction)) {
    return {ProbeClass::kRefused, absl::StrCat("'", ZydisMnemonicGetString(instruction.mnemonic),
                                               "' is not on the list of instructions known to be safe to probe")};
  }
  if (IsEmulated(p)) return {ProbeClass::kEmulated, ""};
  if (HasOddPrefixes(p)) return {ProbeClass::kRefused, "its prefixes are unusual, so the kernel may misread it"};
  return {ProbeClass::kStepped, ""};
}

}  // namespace dlog::code
