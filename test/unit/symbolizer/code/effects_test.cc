// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/code/effects.h"

#include <vector>

#include "test/catch.h"

namespace dlog::code {
namespace {

constexpr LinkAddress kAddress{0x1000};
constexpr uint32_t kRax = 1u << 0;
constexpr uint32_t kRdx = 1u << 1;
constexpr uint32_t kRcx = 1u << 2;
constexpr uint32_t kRsi = 1u << 4;
constexpr uint32_t kRdi = 1u << 5;
constexpr uint32_t kRbp = 1u << 6;
constexpr uint32_t kRsp = 1u << 7;
constexpr uint32_t kR9 = 1u << 9;

Effects Of(const std::vector<uint8_t>& bytes) {
  auto effects = EffectsOf(bytes, kAddress);
  REQUIRE(effects.ok());
  CHECK(effects->length == bytes.size());
  return *effects;
}

}  // namespace

TEST_CASE("Registers written are known in DWARF numbers, in part and implicitly too") {
  CHECK(Of({0x48, 0x89, 0xf7}).gprs_written == kRdi);              // mov rdi, rsi
  CHECK(Of({0xb0, 0x01}).gprs_written == kRax);                    // mov al, 1
  CHECK(Of({0x41, 0x89, 0xc1}).gprs_written == kR9);               // mov r9d, eax
  CHECK((Of({0x48, 0xf7, 0xe1}).gprs_written) == (kRax | kRdx));   // mul rcx
  CHECK(Of({0x48, 0x99}).gprs_written == kRdx);                    // cqo
  CHECK((Of({0xf3, 0xa4}).gprs_written) == (kRcx | kRsi | kRdi));  // rep movsb
  CHECK((Of({0xc9}).gprs_written) == (kRbp | kRsp));               // leave
  CHECK(Of({0x39, 0xc8}).gprs_written == 0);                       // cmp eax, ecx
  CHECK(Of({0x85, 0xc0}).gprs_written == 0);                       // test eax, eax
  CHECK((Of({0x48, 0x87, 0xd1}).gprs_written) == (kRcx | kRdx));   // xchg rcx, rdx
  CHECK((Of({0x0f, 0xa2}).gprs_written & kRax) != 0);              // cpuid
}

TEST_CASE("Vector registers written are known by their number") {
  CHECK(Of({0x0f, 0x28, 0xca}).vectors_written == 1u << 1);              // movaps xmm1, xmm2
  CHECK(Of({0xf2, 0x44, 0x0f, 0x58, 0xc1}).vectors_written == 1u << 8);  // addsd xmm8, xmm1
  CHECK(Of({0xc5, 0xfd, 0x6f, 0x18}).vectors_written == 1u << 3);        // vmovdqa ymm3, [rax]
  CHECK(Of({0x66, 0x0f, 0x2e, 0xc1}).vectors_written == 0);              // ucomisd xmm0, xmm1
  CHECK(Of({0xc5, 0xfc, 0x77}).vectors_written == ~0u);                  // vzeroall
}

TEST_CASE("Addresses of the stack that others could use are seen") {
  CHECK(Of({0x48, 0x8d, 0x7c, 0x24, 0x08}).leaks_rsp);        // lea rdi, [rsp+8]
  CHECK(Of({0x48, 0x89, 0xe0}).leaks_rsp);                    // mov rax, rsp
  CHECK(Of({0x48, 0x01, 0xe0}).leaks_rsp);                    // add rax, rsp
  CHECK(Of({0x54}).leaks_rsp);                                // push rsp
  CHECK(Of({0x48, 0x89, 0x64, 0x24, 0x08}).leaks_rsp);        // mov [rsp+8], rsp
  CHECK(Of({0x48, 0x94}).leaks_rsp);                          // xchg rsp, rax
  CHECK(Of({0x48, 0x8d, 0x45, 0xf8}).leaks_rbp);              // lea rax, [rbp-8]
  CHECK_FALSE(Of({0x48, 0x83, 0xec, 0x18}).leaks_rsp);        // sub rsp, 24
  CHECK_FALSE(Of({0x48, 0x8d, 0x65, 0xf0}).leaks_rbp);        // lea rsp, [rbp-16]
  CHECK_FALSE(Of({0x48, 0x8b, 0x44, 0x24, 0x08}).leaks_rsp);  // mov rax, [rsp+8]
  CHECK_FALSE(Of({0x48, 0x39, 0xe0}).leaks_rsp);              // cmp rax, rsp
  CHECK_FALSE(Of({0x55}).leaks_rbp);                          // push rbp
  CHECK_FALSE(Of({0xe8, 0, 0, 0, 0}).leaks_rsp);              // call
  const Effects frame = Of({0x48, 0x89, 0xe5});               // mov rbp, rsp
  CHECK(frame.sets_frame_pointer);
  CHECK_FALSE(frame.leaks_rsp);
}

TEST_CASE("Stores are known, and where they go when that is one place") {
  const Effects local = Of({0x48, 0x89, 0x44, 0x24, 0x08});  // mov [rsp+8], rax
  CHECK(local.stores);
  REQUIRE(local.store.has_value());
  CHECK(local.store->base == 7);
  CHECK(local.store->offset == 8);
  CHECK(local.store->size == 8);

  const Effects push = Of({0x55});  // push rbp
  CHECK(push.pushes);
  CHECK(push.gprs_written == kRsp);
  REQUIRE(push.store.has_value());
  CHECK(push.store->offset == -8);

  const Effects indexed = Of({0x88, 0x04, 0x0a});  // mov [rdx+rcx], al
  CHECK(indexed.stores);
  CHECK_FALSE(indexed.store.has_value());
  CHECK_FALSE(Of({0x64, 0x89, 0x04, 0x25, 8, 0, 0, 0}).store.has_value());  // mov fs:[8], eax
  CHECK_FALSE(Of({0x8b, 0x07}).stores);                                     // mov eax, [rdi]
  CHECK(Of({0xf3, 0xaa}).stores);                                           // rep stosb
  CHECK_FALSE(Of({0xf3, 0xaa}).store.has_value());
  CHECK(Of({0xf0, 0x48, 0x0f, 0xc1, 0x07}).stores);  // lock xadd [rdi], rax
}

TEST_CASE("What may not come to the next instruction leaves") {
  for (const std::vector<uint8_t>& bytes : std::vector<std::vector<uint8_t>>{{0xc3},
                                                                             {0xeb, 0x02},
                                                                             {0x74, 0x02},
                                                                             {0xe8, 0, 0, 0, 0},
                                                                             {0xff, 0xe0},
                                                                             {0xff, 0xd0},
                                                                             {0x0f, 0x05},
                                                                             {0xcc},
                                                                             {0x0f, 0x0b},
                                                                             {0xe3, 0x02},
                                                                             {0xf4}}) {
    INFO(static_cast<int>(bytes[0]));
    CHECK(Of(bytes).leaves);
  }
  CHECK_FALSE(Of({0x90}).leaves);
  CHECK_FALSE(Of({0xf3, 0x0f, 0x1e, 0xfa}).leaves);  // endbr64
}

TEST_CASE("Targets of branches and addresses of tables are computed") {
  CHECK(Of({0x74, 0x02}).target == LinkAddress{0x1004});
  CHECK(Of({0xe8, 0xfb, 0xff, 0xff, 0xff}).target == LinkAddress{0x1000});
  CHECK(Of({0xff, 0xe0}).indirect_jump);
  CHECK_FALSE(Of({0xff, 0xd0}).indirect_jump);
  CHECK(Of({0x48, 0x8d, 0x05, 0x10, 0, 0, 0}).address_taken == LinkAddress{0x1017});  // lea rax, [rip+0x10]
}

}  // namespace dlog::code
