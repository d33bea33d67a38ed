// SPDX-License-Identifier: Apache-2.0
#include "daemon/attach/stack_check.h"

#include <fcntl.h>
#include <libelf.h>

#include <sstream>
#include <string>
#include <vector>

#include "symbolizer/base/unique_fd.h"
#include "test/catch.h"

namespace dlog::attach {
namespace {

bpf_insn Insn(int code, int dst, int src, int off, int imm) {
  bpf_insn insn = {};
  insn.code = static_cast<uint8_t>(code);
  insn.dst_reg = static_cast<uint8_t>(dst) & 0xf;
  insn.src_reg = static_cast<uint8_t>(src) & 0xf;
  insn.off = static_cast<int16_t>(off);
  insn.imm = imm;
  return insn;
}

bpf_insn Store(int base, int off) { return Insn(BPF_STX | BPF_MEM | BPF_DW, base, BPF_REG_1, off, 0); }
bpf_insn Load(int base, int off) { return Insn(BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_1, base, off, 0); }
bpf_insn Move(int dst, int src) { return Insn(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0); }
// NOLINTNEXTLINE(misc-redundant-expression): two of the parts of an operation code are zero
bpf_insn Add(int dst, int imm) { return Insn(BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, imm); }

}  // namespace

TEST_CASE("stores, loads and addresses below the frame pointer count") {
  CHECK(DeepestStackUse({}) == 0);
  CHECK(DeepestStackUse(std::vector{Store(10, -8), Store(10, -24)}) == 24);
  CHECK(DeepestStackUse(std::vector{Load(10, -40)}) == 40);
  CHECK(DeepestStackUse(std::vector{Move(2, 10), Add(2, -56)}) == 56);
}

TEST_CASE("other registers and other additions do not count") {
  CHECK(DeepestStackUse(std::vector{Store(6, -100), Load(7, -200)}) == 0);
  CHECK(DeepestStackUse(std::vector{Move(2, 6), Add(2, -100)}) == 0);
  CHECK(DeepestStackUse(std::vector{Move(2, 10), Move(2, 6), Add(2, -100)}) == 0);
  CHECK(DeepestStackUse(std::vector{Move(2, 10), Load(6, 0), Add(3, -100)}) == 0);
}

TEST_CASE("a program with a deep stack is refused") {
  CHECK(CheckStackUse(std::vector{Store(10, -48)}).ok());
  CHECK(absl::IsFailedPrecondition(CheckStackUse(std::vector{Store(10, -49)})));
}

TEST_CASE("each compiler that is here keeps the stack of every function small") {
  std::istringstream paths(DLOG_BPF_OBJECTS);
  elf_version(EV_CURRENT);
  for (std::string path; std::getline(paths, path, ':');) {
    CAPTURE(path);
    const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    Elf* const elf = elf_begin(file.get(), ELF_C_READ, nullptr);
    REQUIRE(elf != nullptr);
    size_t instructions = 0;
    for (Elf_Scn* section = elf_nextscn(elf, nullptr); section != nullptr; section = elf_nextscn(elf, section)) {
      const Elf64_Shdr* header = elf64_getshdr(section);
      if ((header->sh_flags & SHF_EXECINSTR) == 0) continue;
      const Elf_Data* data = elf_getdata(section, nullptr);
      const size_t count = data->d_size / sizeof(bpf_insn);
      CHECK(DeepestStackUse({static_cast<const bpf_insn*>(data->d_buf), count}) <= kMaxStackBytes);
      instructions += count;
    }
    CHECK(instructions > 1000);
    elf_end(elf);
  }
}

}  // namespace dlog::attach
