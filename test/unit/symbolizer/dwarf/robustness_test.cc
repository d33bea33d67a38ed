// SPDX-License-Identifier: Apache-2.0
//
// Damaged debug information: every question is answered or refused, none crashes or hangs.
#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <random>

#include "program.h"
#include "test/catch.h"

namespace dlog::dwarf {
namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

struct Range {
  size_t begin = 0;
  size_t size = 0;
};

// Where a section's bytes are in the file.
Range SectionRange(const std::string& path, const std::string& wanted) {
  auto elf = elf::ElfFile::Open(path);
  REQUIRE(elf.ok());
  size_t names = 0;
  REQUIRE(elf_getshdrstrndx((*elf)->handle(), &names) == 0);
  Elf_Scn* section = nullptr;
  while ((section = elf_nextscn((*elf)->handle(), section)) != nullptr) {
    const Elf64_Shdr* header = elf64_getshdr(section);
    if (wanted == elf_strptr((*elf)->handle(), names, header->sh_name)) return {header->sh_offset, header->sh_size};
  }
  return {};
}

void Exercise(const std::string& path) {
  auto module = Module::Open(path, elf::DebugSearch{});
  if (!module.ok()) return;
  auto functions = FunctionsNamed(**module, "total");
  CHECK(functions.ok());
  auto lines = LineIndex::Create(**module);
  if (!lines.ok()) return;
  auto files = (*lines)->FilesMatching("locals.cc");
  if (!files.ok()) return;
  google::protobuf::RepeatedPtrField<v1::Type> table;
  TypeGraph graph(**module, &table);
  for (const SourceFile& file : *files) {
    for (const UnitFile& unit : file.units) {
      auto rows = (*lines)->Rows(unit.unit);
      if (!rows.ok()) continue;
      for (size_t i = 0; i < (*rows)->size(); i += 5) {
        const LinkAddress address = (**rows)[i].address;
        auto scope = FunctionAt(**module, unit.unit, address);
        if (!scope.ok()) continue;
        for (const Variable& variable : VisibleVariables(*scope)) {
          auto node = LocationOf(**module, *scope, variable.die, {address, address});
          if (node.ok()) CHECK_FALSE(DescribeLocation(*node).empty());
          (void)AvailableRanges(**module, *scope, variable.die);
          graph.Expand(graph.at(graph.AddTypeOf(variable.die)).target());
        }
        if (i % 50 == 0) {
          (void)FindName(**module, *scope, "shop::shared");
          (void)FindName(**module, *scope, "shop::Color::RED");
        }
      }
    }
  }
  CHECK(table.size() < 30000);
}

TEST_CASE("Flipped bytes in each debug section never crash") {
  const std::string path = std::string(DLOG_PROGRAMS_DIR) + "/" +
                           GENERATE(as<std::string>{}, "locals.clang.O2.dwarf5", "locals.clang.O2.dwarf4");
  const std::string good = ReadFile(path);
  const std::string section =
      GENERATE(as<std::string>{}, ".debug_info", ".debug_abbrev", ".debug_line", ".debug_loclists", ".debug_loc",
               ".debug_rnglists", ".debug_ranges", ".debug_str_offsets", ".debug_addr", ".eh_frame");
  const Range range = SectionRange(path, section);
  if (range.size == 0) return;  // of the other DWARF version
  char name[] = "/tmp/dlog_dwarf_XXXXXX";
  const int fd = ::mkstemp(name);
  REQUIRE(fd >= 0);
  ::close(fd);
  std::mt19937 random(static_cast<unsigned>(range.size));
  for (int round = 0; round < 25; ++round) {
    std::string bad = good;
    for (int i = 0; i < 4; ++i) bad[range.begin + random() % range.size] = static_cast<char>(random());
    std::ofstream(name, std::ios::binary) << bad;
    INFO(section << " round " << round);
    Exercise(name);
  }
  ::unlink(name);
}

}  // namespace
}  // namespace dlog::dwarf
