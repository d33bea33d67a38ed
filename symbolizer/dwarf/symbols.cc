// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/symbols.h"

#include <elf.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <vector>

#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/unit_index.h"

namespace dlog::dwarf {
namespace {

// Beyond any real module (Chromium has about a million).
constexpr size_t kMaxSymbols = 16u << 20;

void VisitSymbols(Elf* elf, unsigned type, const std::function<void(const FunctionSymbol&)>& visit) {
  Elf_Scn* section = nullptr;
  while (elf != nullptr && (section = elf_nextscn(elf, section)) != nullptr) {
    const Elf64_Shdr* header = elf64_getshdr(section);
    if (header == nullptr || header->sh_entsize != sizeof(Elf64_Sym)) continue;
    if (header->sh_type != SHT_SYMTAB && header->sh_type != SHT_DYNSYM) continue;
    const Elf_Data* data = elf_getdata(section, nullptr);
    if (data == nullptr || data->d_buf == nullptr) continue;
    const auto* symbols = static_cast<const Elf64_Sym*>(data->d_buf);
    for (size_t i = 0; i < std::min(data->d_size / sizeof(Elf64_Sym), kMaxSymbols); ++i) {
      if (ELF64_ST_TYPE(symbols[i].st_info) != type || symbols[i].st_shndx == SHN_UNDEF) continue;
      const char* mangled = elf_strptr(elf, header->sh_link, symbols[i].st_name);
      const bool is_local = ELF64_ST_BIND(symbols[i].st_info) == STB_LOCAL;
      if (mangled != nullptr) visit({mangled, LinkAddress{symbols[i].st_value}, symbols[i].st_size, is_local});
    }
  }
}

void VisitAll(const Module& module, unsigned type, const std::function<void(const FunctionSymbol&)>& visit) {
  VisitSymbols(module.binary().handle(), type, visit);
  if (module.debug_elf() != module.binary().handle()) VisitSymbols(module.debug_elf(), type, visit);
}

// By address; each address once.
const std::vector<FunctionSymbol>& SortedSymbols(const Module& module) {
  ModuleCache& cache = module.cache();
  if (!cache.symbols_built) {
    cache.symbols_built = true;
    std::vector<FunctionSymbol>& symbols = cache.symbols;
    ForEachFunctionSymbol(module, [&](const FunctionSymbol& symbol) { symbols.push_back(symbol); });
    std::stable_sort(symbols.begin(), symbols.end(),
                     [](const FunctionSymbol& a, const FunctionSymbol& b) { return a.begin < b.begin; });
    symbols.erase(std::unique(symbols.begin(), symbols.end(),
                              [](const FunctionSymbol& a, const FunctionSymbol& b) { return a.begin == b.begin; }),
                  symbols.end());
  }
  return cache.symbols;
}

// The last that begins at or before `address`.
const FunctionSymbol* LastBefore(const Module& module, LinkAddress address) {
  const std::vector<FunctionSymbol>& symbols = SortedSymbols(module);
  const auto behind = std::upper_bound(symbols.begin(), symbols.end(), address,
                                       [](LinkAddress a, const FunctionSymbol& symbol) { return a < symbol.begin; });
  return behind == symbols.begin() ? nullptr : &*std::prev(behind);
}

}  // namespace

void ForEachFunctionSymbol(const Module& module, const std::function<void(const FunctionSymbol&)>& visit) {
  VisitAll(module, STT_FUNC, visit);
}

void ForEachVtableSymbol(const Module& module, const std::function<void(const char*, LinkAddress, uint64_t)>& visit) {
  VisitAll(module, STT_OBJECT, [&](const FunctionSymbol& symbol) {
    if (std::string_view(symbol.name).starts_with("_ZTV")) visit(symbol.name, symbol.begin, symbol.size);
  });
}

std::optional<LinkAddress> EntryOf(const Module& module, Dwarf_Die die) {
  Dwarf_Addr entry = 0;
  if (dwarf_entrypc(&die, &entry) == 0) return LinkAddress{entry};
  for (const AddressRange& range : RangesOf(module, die)) {
    const char* symbol = FunctionSymbolAt(module, range.begin);
    if (symbol != nullptr && std::string_view(symbol).find(".cold") == std::string_view::npos) return range.begin;
  }
  return std::nullopt;
}

const char* FunctionSymbolAt(const Module& module, LinkAddress address) {
  const FunctionSymbol* symbol = LastBefore(module, address);
  return symbol == nullptr || symbol->begin != address ? nullptr : symbol->name;
}

const FunctionSymbol* FunctionSymbolAround(const Module& module, LinkAddress address) {
  const FunctionSymbol* symbol = LastBefore(module, address);
  return symbol == nullptr || address.value - symbol->begin.value >= symbol->size ? nullptr : symbol;
}

}  // namespace dlog::dwarf
