// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/code/instruction.h"

#include <random>
#include <vector>

#include "test/catch.h"

namespace dlog::code {
namespace {

using Bytes = std::vector<uint8_t>;

Instruction DecodeWhole(const Bytes& bytes) {
  absl::StatusOr<Instruction> instruction = Decode(bytes, LinkAddress{0x1000});
  REQUIRE(instruction.ok());
  REQUIRE(instruction->length == bytes.size());
  return *instruction;
}

void ExpectRefused(const Bytes& bytes, const std::string& reason_part) {
  const Instruction instruction = DecodeWhole(bytes);
  INFO(instruction.text);
  CHECK(instruction.probe_class == ProbeClass::kRefused);
  CHECK_THAT(instruction.refusal, ContainsText(reason_part));
  CHECK(instruction.refusal.find('\n') == std::string::npos);
}

void ExpectClass(const Bytes& bytes, ProbeClass expected) {
  const Instruction instruction = DecodeWhole(bytes);
  INFO(instruction.text << ": " << instruction.refusal);
  CHECK(std::string(ProbeClassName(instruction.probe_class)) == ProbeClassName(expected));
  CHECK(instruction.refusal.empty() == (expected != ProbeClass::kRefused));
}

TEST_CASE("text is Intel syntax with absolute targets") {
  CHECK(DecodeWhole({0x55}).text == "push rbp");
  CHECK(DecodeWhole({0xe8, 0x0b, 0x2f, 0x00, 0x00}).text == "call 0x3f10");
  CHECK(DecodeWhole({0x48, 0x8b, 0x47, 0x18}).text == "mov rax, [rdi+0x18]");
}

TEST_CASE("incomplete or invalid bytes are an error") {
  CHECK(Decode(Bytes{}, LinkAddress{0}).status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(Decode(Bytes{0xe8, 0x00}, LinkAddress{0}).status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(Decode(Bytes{0x06}, LinkAddress{0}).status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(Decode(Bytes(20, 0x66), LinkAddress{0}).status().code() == absl::StatusCode::kInvalidArgument);
}

TEST_CASE("only the first instruction is decoded") {
  absl::StatusOr<Instruction> instruction = Decode(Bytes{0x90, 0xc3, 0x06}, LinkAddress{0});
  REQUIRE(instruction.ok());
  CHECK(instruction->length == 1);
}

TEST_CASE("nops that the kernel emulates") {
  const Bytes nops[] = {{0x90},
                        {0x66, 0x90},
                        {0x66, 0x66, 0x90},
                        {0x0f, 0x1f, 0x00},
                        {0x0f, 0x1f, 0x40, 0x00},
                        {0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00},
                        {0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00},
                        {0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00},
                        {0xf3, 0x90}};
  for (const Bytes& nop : nops) ExpectClass(nop, ProbeClass::kEmulated);
  ExpectClass({0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00}, ProbeClass::kStepped);
  ExpectClass({0xf3, 0x0f, 0x1e, 0xfa}, ProbeClass::kStepped);  // endbr64
}

TEST_CASE("pushes and direct branches are emulated") {
  for (uint8_t reg = 0; reg < 8; ++reg) {
    ExpectClass({static_cast<uint8_t>(0x50 + reg)}, ProbeClass::kEmulated);
    ExpectClass({0x41, static_cast<uint8_t>(0x50 + reg)}, ProbeClass::kEmulated);
  }
  for (uint8_t condition = 0; condition < 16; ++condition) {
    ExpectClass({static_cast<uint8_t>(0x70 + condition), 0x10}, ProbeClass::kEmulated);
    ExpectClass({0x0f, static_cast<uint8_t>(0x80 + condition), 0x10, 0, 0, 0}, ProbeClass::kEmulated);
  }
  ExpectClass({0xeb, 0x10}, ProbeClass::kEmulated);
  ExpectClass({0xe9, 0x10, 0, 0, 0}, ProbeClass::kEmulated);
  ExpectClass({0xe8, 0x10, 0, 0, 0}, ProbeClass::kEmulated);
  ExpectClass({0xf2, 0xe9, 0x10, 0, 0, 0}, ProbeClass::kEmulated);  // bnd jmp
  ExpectClass({0x67, 0xe8, 0x10, 0, 0, 0}, ProbeClass::kEmulated);  // addr32 call
}

TEST_CASE("ordinary instructions are stepped") {
  const Bytes ordinary[] = {
      {0x48, 0x89, 0xe5},                             // mov rbp, rsp
      {0x48, 0x8d, 0x3d, 0x10, 0, 0, 0},              // lea rdi, [rip+0x10]
      {0x5d},                                         // pop rbp
      {0xc3},                                         // ret
      {0xf3, 0xc3},                                   // rep ret
      {0xc9},                                         // leave
      {0x6a, 0x05},                                   // push 5
      {0xff, 0xd0},                                   // call rax
      {0xff, 0x25, 0x10, 0, 0, 0},                    // jmp [rip+0x10]
      {0xf2, 0xff, 0x25, 0x10, 0, 0, 0},              // bnd jmp [rip+0x10]
      {0x64, 0x48, 0x8b, 0x04, 0x25, 0x28, 0, 0, 0},  // mov rax, fs:[0x28]
      {0x66, 0x48, 0x8d, 0x3d, 0x10, 0, 0, 0},        // data16 lea rdi, [rip+0x10]
      {0xf2, 0x0f, 0x58, 0xc1},                       // addsd xmm0, xmm1
      {0x66, 0x0f, 0xef, 0xc0},                       // pxor xmm0, xmm0
      {0xc5, 0xfb, 0x58, 0xc1},                       // vaddsd xmm0, xmm0, xmm1
      {0xc4, 0xe2, 0xf1, 0xb9, 0xc2},                 // vfmadd231sd xmm0, xmm1, xmm2
      {0xf3, 0x0f, 0xb8, 0xc7},                       // popcnt eax, edi
      {0x48, 0x0f, 0x4d, 0xc2},                       // cmovge rax, rdx
      {0xd9, 0xe8},                                   // fld1
      {0xdf, 0xe9},                                   // fucomip st, st(1)
      {0xa4},                                         // movsb
      {0x41, 0xff, 0x54, 0x24, 0x18},                 // call [r12+0x18]
      {0x48, 0x8d, 0x44, 0xc8, 0x00},                 // lea rax, [rax+rcx*8]: 5 bytes, but not a nop
  };
  for (const Bytes& bytes : ordinary) ExpectClass(bytes, ProbeClass::kStepped);
}

TEST_CASE("what a kernel may turn into a call is refused") {
  ExpectRefused({0x0f, 0x1f, 0x44, 0x00, 0x00}, "red zone");
  ExpectRefused({0x66, 0x0f, 0x1f, 0x40, 0x00}, "red zone");
  ExpectRefused({0x66, 0x66, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0}, "red zone");  // 10 bytes
  ExpectRefused({0x48, 0x8d, 0x64, 0x24, 0x00}, "red zone");                 // lea rsp, [rsp+0]
  ExpectRefused({0xe9, 0, 0, 0, 0}, "red zone");
  ExpectRefused({0xeb, 0x08}, "jump over 8 bytes");
}

TEST_CASE("silent corruption is refused") {
  ExpectRefused({0x49, 0x90}, "exchange would silently not happen");
  ExpectRefused({0x41, 0x90}, "exchange would silently not happen");
  ExpectRefused({0xc5, 0xf1, 0xeb, 0xc2}, "branch");                // vpor
  ExpectRefused({0xc5, 0xf1, 0xe8, 0xc2}, "branch");                // vpsubsb
  ExpectRefused({0xc5, 0xf9, 0x70, 0xc1, 0x1b}, "branch");          // vpshufd
  ExpectRefused({0xc5, 0xf8, 0x77}, "branch");                      // vzeroupper
  ExpectRefused({0xc5, 0xfa, 0x7f, 0x07}, "branch");                // vmovdqu [rdi], xmm0
  ExpectRefused({0xc4, 0xe2, 0x7d, 0x78, 0xc1}, "branch");          // vpbroadcastb ymm0, xmm1
  ExpectRefused({0xc4, 0xe2, 0x6d, 0x90, 0x04, 0x2f}, "nop");       // vpgatherdd
  ExpectRefused({0xc4, 0xe2, 0xf1, 0x9d, 0xc2}, "popf");            // vfnmadd132sd
  ExpectRefused({0xc5, 0xf0, 0xc2, 0xc2, 0x01}, "return or call");  // vcmpltps
  ExpectRefused({0xc5, 0xf1, 0xef, 0xc2}, "refuses");               // vpxor
  ExpectRefused({0x62, 0xf1, 0x75, 0x48, 0xfe, 0xc2}, "EVEX");      // vpaddd zmm
}

TEST_CASE("what crashes the target or cannot be stepped is refused") {
  ExpectRefused({0x0f, 0x05}, "crash");  // syscall
  ExpectRefused({0x0f, 0x34}, "crash");  // sysenter
  ExpectRefused({0xcc}, "breakpoint");
  ExpectRefused({0xcd, 0x80}, "software interrupts");
  ExpectRefused({0x0f, 0x0b}, "signal");        // ud2
  ExpectRefused({0x0f, 0xb9, 0xc0}, "signal");  // ud1
  ExpectRefused({0x0f, 0xff, 0xc0}, "signal");  // ud0
  ExpectRefused({0xf4}, "user mode");           // hlt
  ExpectRefused({0xe4, 0x10}, "port");
  ExpectRefused({0xee}, "port");
  ExpectRefused({0x48, 0xcf}, "interrupt");                   // iretq
  ExpectRefused({0xcb}, "far");                               // retf
  ExpectRefused({0xff, 0x2f}, "far");                         // jmp far [rdi]
  ExpectRefused({0xc7, 0xf8, 0, 0, 0, 0}, "transaction");     // xbegin
  ExpectRefused({0xc6, 0xf8, 0x00}, "transaction");           // xabort
  ExpectRefused({0x0f, 0x01, 0xf9}, "0f 01");                 // rdtscp
  ExpectRefused({0x0f, 0x01, 0xc8}, "0f 01");                 // monitor
  ExpectRefused({0x0f, 0x01, 0xee}, "0f 01");                 // rdpkru
  ExpectRefused({0x9c}, "trap flag");                         // pushfq
  ExpectRefused({0x9d}, "trap flag");                         // popfq
  ExpectRefused({0x8e, 0xd0}, "segment");                     // mov ss, eax
  ExpectRefused({0x0f, 0xa1}, "segment");                     // pop fs
  ExpectRefused({0x0f, 0x20, 0xc0}, "system register");       // mov rax, cr0
  ExpectRefused({0xf3, 0x48, 0x0f, 0xae, 0xd0}, "wrfsbase");  // not on the list
  ExpectRefused({0x0f, 0xa2}, "cpuid");
}

TEST_CASE("prefixes that the kernel refuses or misreads") {
  ExpectRefused({0xf0, 0x48, 0xff, 0x07}, "LOCK");
  ExpectRefused({0x3e, 0xff, 0xe0}, "DS segment prefix");                          // notrack jmp rax
  ExpectRefused({0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0}, "segment prefix");  // cs nopw
  ExpectRefused({0x66, 0x66, 0x48, 0xe8, 0x10, 0, 0, 0}, "thread-local storage");
  ExpectRefused({0x66, 0xff, 0xe0}, "differ between processors");  // data16 jmp
  ExpectRefused({0xf3, 0xa4}, "once per element");                 // rep movsb
  ExpectRefused({0xf3, 0x48, 0xab}, "once per element");           // rep stosq
  ExpectRefused({0xf2, 0xae}, "once per element");                 // repne scasb
  ExpectRefused({0x48, 0x66, 0x89, 0xc8}, "prefixes");             // REX not last
  ExpectRefused({0x64, 0x89, 0xc8}, "prefixes");                   // fs without memory
  ExpectRefused({0x67, 0x8b, 0x05, 0x10, 0, 0, 0}, "prefixes");    // mov eax, [eip+0x10]
  ExpectRefused({0xf2, 0x89, 0xc8}, "prefixes");
}

TEST_CASE("every refusal has a reason and random bytes never break the decoder") {
  std::mt19937 random(7);
  for (int i = 0; i < 200000; ++i) {
    Bytes bytes(random() % 17);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
    absl::StatusOr<Instruction> instruction = Decode(bytes, LinkAddress{random()});
    if (!instruction.ok()) continue;
    REQUIRE(instruction->length >= 1);
    REQUIRE(instruction->length <= bytes.size());
    REQUIRE_FALSE(instruction->text.empty());
    REQUIRE((instruction->probe_class == ProbeClass::kRefused) == !instruction->refusal.empty());
  }
}

}  // namespace
}  // namespace dlog::code
