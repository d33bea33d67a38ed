// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/symbols.h"

#include <elf.h>

#include <algorithm>

#include "symbolizer/dwarf/unit_index.h"

namespace dlog::dwarf {
namespace {

// Beyond any real module (Chromium has about a million).
constexpr size_t kMaxSymbols = 16u << 20;

void VisitSymbols(Elf* elf, const std::function<void(const char*, LinkAddress)>& visit) {
  Elf_Scn* section = nullptr;
  while (elf != nullptr && (section = elf_nextscn(elf, section)) != nullptr) {
    const Elf64_Shdr* header = elf64_getshdr(section);
    if (header == nullptr || header->sh_entsize != sizeof(Elf64_Sym)) continue;
    if (header->sh_type != SHT_SYMTAB && header->sh_type != SHT_DYNSYM) continue;
    const Elf_Data* data = elf_getdata(section, nullptr);
    if (data == nullptr || data->d_buf == nullptr) continue;
    const auto* symbols = static_cast<const Elf64_Sym*>(data->d_buf);
    for (size_t i = 0; i < std::min(data->d_size / sizeof(Elf64_Sym), kMaxSymbols); ++i) {
      if (ELF64_ST_TYPE(symbols[i].st_info) != STT_FUNC || symbols[i].st_shndx == SHN_UNDEF) continue;
      const char* mangled = elf_strptr(elf, header->sh_link, symbols[i].st_name);
      if (mangled != nullptr) visit(mangled, LinkAddress{symbols[i].st_value});
    }
  }
}

}  // namespace

void ForEachFunctionSymbol(const Module& module, const std::function<void(const char*, LinkAddress)>& visit) {
  VisitSymbols(module.binary().handle(), visit);
  if (module.debug_elf() != module.binary().handle()) VisitSymbols(module.debug_elf(), visit);
}

const char* FunctionSymbolAt(const Module& module, LinkAddress address) {
  ModuleCache& cache = module.cache();
  if (!cache.symbols_built) {
    cache.symbols_built = true;
    ForEachFunctionSymbol(module, [&](const char* name, LinkAddress at) { cache.symbols.try_emplace(at.value, name); });
  }
  const auto found = cache.symbols.find(address.value);
  return found == cache.symbols.end() ? nullptr : found->second;
}

}  // namespace dlog::dwarf
