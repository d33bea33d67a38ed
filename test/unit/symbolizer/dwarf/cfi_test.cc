// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/cfi.h"

#include <gelf.h>

#include "program.h"
#include "symbolizer/dwarf/callers.h"
#include "symbolizer/dwarf/cfi_check.h"
#include "symbolizer/dwarf/frame.h"
#include "test/catch.h"
#include "word_evaluator.h"

namespace dlog::dwarf {
namespace {

constexpr uint32_t kRsp = 7;
constexpr uint32_t kRip = 16;

// Address and size of a symbol or a section of the binary; zero when there is none.
std::pair<uint64_t, uint64_t> Place(const Program& program, const std::string& name) {
  Elf* elf = program.module().binary().handle();
  size_t names = 0;
  REQUIRE(elf_getshdrstrndx(elf, &names) == 0);
  Elf_Scn* section = nullptr;
  while ((section = elf_nextscn(elf, section)) != nullptr) {
    GElf_Shdr header;
    REQUIRE(gelf_getshdr(section, &header) != nullptr);
    if (elf_strptr(elf, names, header.sh_name) == name) return {header.sh_addr, header.sh_size};
    if (header.sh_type != SHT_SYMTAB) continue;
    Elf_Data* data = elf_getdata(section, nullptr);
    for (size_t i = 0; i < header.sh_size / header.sh_entsize; ++i) {
      GElf_Sym symbol;
      REQUIRE(gelf_getsym(data, static_cast<int>(i), &symbol) != nullptr);
      if (elf_strptr(elf, header.sh_link, symbol.st_name) == name) return {symbol.st_value, symbol.st_size};
    }
  }
  return {};
}

std::string Cfa(const Program& program, uint64_t address) {
  auto node = CfaAt(program.module(), {address});
  return node.ok() ? DescribeLocation(*node) : std::string(node.status().message());
}

TEST_CASE("Rules that are expressions give the CFA and the caller's registers") {
  const Program program("frames");
  const uint64_t function = Place(program, "expressions").first;
  const LinkAddress probe{function + 1};
  CHECK(Cfa(program, function) == "rsp+0x8");
  CHECK(Cfa(program, function + 1) == "[rsp+0x10]+0x20");
  CHECK(Cfa(program, function + 2) == "rsp+0x40");
  CHECK(Cfa(program, function + 3) == "[rsp+0x10]+0x20");

  const Frame frame(program.module(), Dwarf_Die{}, probe);
  const Frame caller(frame, CallSite{{probe.value + 1}, {}, {}});
  Machine machine;
  machine.registers[0] = 0xa;
  machine.registers[6] = 0xb;
  machine.registers[kRsp] = 0x7000;
  machine.Store(0x7010, 0x9000);  // the CFA is 0x9020
  machine.Store(0x9028, 0xc);
  machine.Store(0x9018, 0x1234);
  const auto value = [&](uint64_t reg) {
    auto node = caller.Register(reg);
    INFO(reg << ": " << node.status());
    REQUIRE(node.ok());
    return Evaluate(*node, machine);
  };
  CHECK(value(3) == 0xcu);
  CHECK(value(12) == 0x9020u - 40);
  CHECK(value(13) == 0x9020u - 16);
  CHECK(value(14) == 0xau);
  CHECK(value(6) == 0xbu);
  CHECK(value(kRsp) == 0x9020u);
  CHECK(value(kRip) == 0x1234u);
  CHECK(caller.Register(8).status().code() == absl::StatusCode::kFailedPrecondition);
}

TEST_CASE("Registers that a callee may change are not taken for the caller's") {
  const Program program("frames");
  const uint64_t function = Place(program, "main").first;
  const Frame frame(program.module(), Dwarf_Die{}, {function});
  const Frame caller(frame, CallSite{{function + 1}, {}, {}});
  for (uint64_t reg : {0, 1, 2, 4, 5, 8, 9, 10, 11}) {
    CHECK(caller.Register(reg).status().code() == absl::StatusCode::kFailedPrecondition);
  }
  for (uint64_t reg : {3, 6, 12, 13, 14, 15}) CHECK(caller.Register(reg)->reg() == reg);
}

TEST_CASE("Code without call frame information has no frame") {
  const Program program("frames");
  CHECK_THAT(Cfa(program, Place(program, "no_frame").first), Catch::Matchers::Contains("no call frame information"));
}

TEST_CASE("The procedure linkage table's CFA depends on how far its code has come") {
  const Program program("plain.gcc.O2.dwarf5");
  const auto [plt, size] = Place(program, ".plt");
  REQUIRE(size >= 32);
  auto node = CfaAt(program.module(), {plt + 16});
  INFO(node.status());
  REQUIRE(node.ok());
  Machine machine;
  machine.registers[kRsp] = 0x7000;
  machine.registers[kRip] = plt + 16;
  CHECK(Evaluate(*node, machine) == 0x7008u);
  machine.registers[kRip] = plt + 16 + 11;  // behind the push
  CHECK(Evaluate(*node, machine) == 0x7010u);
}

TEST_CASE("At the return the frame is gone") {
  const Program program(GENERATE(as<std::string>{}, "locals.gcc.O0.dwarf5", "locals.gcc.O2.dwarf5",
                                 "locals.clang.O0.dwarf5", "locals.clang.O2.dwarf5", "plain.gcc.O2.debugframe"));
  const auto [begin, size] = Place(program, Place(program, "_Z6Shadowi").second != 0 ? "_Z6Shadowi" : "main");
  auto code = program.module().binary().CodeAt({begin}, size);
  REQUIRE(code.ok());
  int returns = 0;
  for (uint64_t at = begin; at < begin + size; ++at) {
    // The end of the function, or a `ret` behind `leave` or `pop rbp`.
    const size_t i = at - begin;
    const bool is_return =
        (*code)[i] == 0xc3 && (at + 1 == begin + size || (i > 0 && ((*code)[i - 1] == 0xc9 || (*code)[i - 1] == 0x5d)));
    if (!is_return) continue;
    ++returns;
    CHECK(Cfa(program, at) == "rsp+0x8");
  }
  CHECK(returns > 0);
}

TEST_CASE("A register number that no processor has spoils the section, wherever it is named") {
  const std::vector<uint8_t> common = {0x14, 0,    0,    0, 0, 0,    0, 0, 1,    'z', 'R', 0,
                                       1,    0x78, 0x10, 1, 0, 0x0c, 7, 8, 0x90, 1,   0,   0};
  const auto section = [&](std::vector<uint8_t> instructions) {
    std::vector<uint8_t> out = common;
    const auto length = static_cast<uint8_t>(4 + 16 + 1 + instructions.size());
    out.insert(out.end(), {length, 0, 0, 0, 28, 0, 0, 0});
    out.insert(out.end(), 17, 0);  // where it begins, its length, no augmentation data
    out.insert(out.end(), instructions.begin(), instructions.end());
    return out;
  };
  CHECK(NamesOnlyRealRegisters(section({0x41, 0x0e, 16, 0x86, 2, 0x0d, 6, 0x07, 15, 0x2e, 0xff, 0xff, 0x7f}), true));
  CHECK(NamesOnlyRealRegisters(section({0x0f, 2, 0x07, 0xff, 0x02, 0xff, 0x0a}), true));  // in a block, as an operand
  CHECK_FALSE(NamesOnlyRealRegisters(section({0x07, 0xff, 0xff, 0xff, 0x0e}), true));
  CHECK_FALSE(NamesOnlyRealRegisters(section({0x09, 1, 0x81, 0x02}), true));
  CHECK_FALSE(NamesOnlyRealRegisters(section({0x10, 0x81, 0x02, 1, 0x96}), true));
  CHECK_FALSE(NamesOnlyRealRegisters(section({0x05, 0x81, 0x02, 1}), true));
  CHECK(NamesOnlyRealRegisters({}, true));
  // As .debug_frame the first entry is an FDE of a CIE that does not exist; what is cut off does not count.
  CHECK(NamesOnlyRealRegisters(std::vector<uint8_t>{0xff, 0, 0, 0, 1, 2, 3}, false));
}

TEST_CASE("Without .eh_frame the frames come from .debug_frame") {
  const Program program("plain.gcc.O2.debugframe");
  CHECK(program.module().debug_frame() != nullptr);
  CHECK(Cfa(program, Place(program, "main").first) == "rsp+0x8");
}

}  // namespace
}  // namespace dlog::dwarf
