// SPDX-License-Identifier: Apache-2.0
//
// The DIE tree: abbreviations, entries, strings, ranges, addresses and location lists of a small program. Everything
// that is asked about a site is asked: the function, its variables, where they are, their types, who calls it.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "symbolizer/dwarf/callers.h"
#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/location.h"
#include "symbolizer/dwarf/prologue.h"
#include "symbolizer/dwarf/scopes.h"
#include "symbolizer/dwarf/type_graph.h"
#include "test/fuzz/elf_builder.h"
#include "test/fuzz/memory_file.h"

namespace {

constexpr size_t kTextBytes = 512;  // seeds are linked to its address
constexpr size_t kMostVariables = 16;

void AskAbout(const dlog::dwarf::Module& module, const dlog::dwarf::FunctionScope& scope, dlog::LinkAddress address,
              dlog::dwarf::TypeGraph* types) {
  size_t asked = 0;
  for (const dlog::dwarf::Variable& variable : dlog::dwarf::VisibleVariables(scope)) {
    if (++asked > kMostVariables) break;
    auto location = dlog::dwarf::LocationOf(module, scope, variable.die, {address, address});
    if (!location.ok() && location.status().message().empty()) abort();
    if (location.ok() && dlog::dwarf::DescribeLocation(*location).empty()) abort();
    (void)dlog::dwarf::AvailableRanges(module, scope, variable.die);
    types->Expand(types->AddTypeOf(variable.die));
  }
  (void)dlog::dwarf::AwaitsPrologue(module, scope, address);
  (void)dlog::dwarf::FindName(module, scope, "g");
  (void)dlog::dwarf::FindName(module, scope, "Color::kRed");
  (void)dlog::dwarf::CallersOf(module, address);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  dlog::fuzz::ElfBuilder elf;
  // A call and a jump of the first address among instructions of one byte.
  std::string text(kTextBytes, '\x90');
  text.replace(16, 5, std::string("\xe8\xeb\xff\xff\xff", 5));
  text.replace(40, 5, std::string("\xe9\xd3\xff\xff\xff", 5));
  elf.Add(".text", text, SHF_ALLOC | SHF_EXECINSTR);
  for (const char* name : {".debug_abbrev", ".debug_info", ".debug_str", ".debug_rnglists", ".debug_ranges",
                           ".debug_loclists", ".debug_loc", ".debug_addr", ".debug_types"}) {
    elf.Add(name, dlog::fuzz::NextPart(&data, &size));
  }
  const std::vector<uint8_t> image = elf.Finish();
  const dlog::fuzz::MemoryFile file(image.data(), image.size());
  auto module = dlog::dwarf::Module::Open(file.path(), {});
  if (!module.ok()) return 0;
  google::protobuf::RepeatedPtrField<dlog::v1::Type> table;
  dlog::dwarf::TypeGraph types(**module, &table);
  int units = 0;
  dlog::dwarf::ForEachUnit(**module, true, [&](const Dwarf_Die& unit) {
    for (size_t at = 0; at < kTextBytes; at += 40) {
      const dlog::LinkAddress address{dlog::fuzz::ElfBuilder::kTextAddress + at};
      auto scope = dlog::dwarf::FunctionAt(**module, unit, address);
      if (scope.ok()) AskAbout(**module, *scope, address, &types);
    }
    return ++units < 4;
  });
  for (const char* name : {"f", "S::f", "f(int)"}) {
    if (!dlog::dwarf::FunctionsNamed(**module, name).ok()) continue;
  }
  (void)dlog::dwarf::SimilarFunctions(**module, "fo", 3);
  return 0;
}
