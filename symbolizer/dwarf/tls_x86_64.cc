// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/tls_x86_64.h"

#include <gelf.h>

#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "symbolizer/dwarf/nodes.h"
#include "symbolizer/dwarf/word_arithmetic.h"

namespace dlog::dwarf {
namespace {

constexpr uint32_t kThreadPointerRegister = 17;  // plan.proto: fs base
constexpr size_t kMaxRelocations = 1u << 22;
constexpr size_t kMaxDynamicEntries = 4096;

// What the dynamic linker has filled in for one thread-local symbol, or for the module.
struct Slot {
  uint64_t address = 0;  // link-time, of the GOT entry
  int64_t addend = 0;
  bool by_name = false;  // stands for the variable itself, whoever defines it; else for this module's block
};

struct Slots {
  std::optional<Slot> thread_offset;  // R_X86_64_TPOFF64
  std::optional<Slot> module_number;  // R_X86_64_DTPMOD64; by_name: the offset is in the next entry
};

bool IsOwn(const GElf_Sym& symbol) {
  return GELF_ST_BIND(symbol.st_info) == STB_LOCAL || GELF_ST_VISIBILITY(symbol.st_other) != STV_DEFAULT;
}

Elf_Scn* SectionAt(Elf* elf, size_t index) { return index == 0 ? nullptr : elf_getscn(elf, index); }

// The relocations of one section that concern thread-local storage of this module.
void ReadRelocations(Elf* elf, Elf_Scn* section, const GElf_Shdr& header, std::string_view name, Slots* out) {
  Elf_Data* relocations = elf_getdata(section, nullptr);
  Elf_Scn* symbols = SectionAt(elf, header.sh_link);
  Elf_Data* symbol_data = symbols == nullptr ? nullptr : elf_getdata(symbols, nullptr);
  GElf_Shdr symbol_header;
  const bool named = symbols != nullptr && gelf_getshdr(symbols, &symbol_header) != nullptr;
  if (relocations == nullptr || header.sh_entsize == 0) return;
  const size_t count = std::min<size_t>(relocations->d_size / header.sh_entsize, kMaxRelocations);
  for (size_t i = 0; i < count; ++i) {
    GElf_Rela entry;
    if (gelf_getrela(relocations, static_cast<int>(i), &entry) == nullptr) return;
    const auto type = GELF_R_TYPE(entry.r_info);
    if (type != R_X86_64_TPOFF64 && type != R_X86_64_DTPMOD64) continue;
    Slot slot{entry.r_offset, entry.r_addend, false};
    if (const auto index = GELF_R_SYM(entry.r_info); index != 0) {
      GElf_Sym symbol;
      if (!named || symbol_data == nullptr || gelf_getsym(symbol_data, static_cast<int>(index), &symbol) == nullptr)
        continue;
      const char* text = elf_strptr(elf, symbol_header.sh_link, symbol.st_name);
      slot.by_name = text != nullptr && !name.empty() && name == text;
      if (!slot.by_name && !IsOwn(symbol)) continue;
      // An own symbol's offset into the block is part of what TPOFF64 gives.
      if (!slot.by_name) slot.addend += static_cast<int64_t>(symbol.st_value);
    }
    std::optional<Slot>& best = type == R_X86_64_TPOFF64 ? out->thread_offset : out->module_number;
    if (!best.has_value() || (best->by_name && !slot.by_name)) best = slot;
  }
}

Slots FindSlots(Elf* elf, std::string_view name) {
  Slots out;
  Elf_Scn* section = nullptr;
  while ((section = elf_nextscn(elf, section)) != nullptr) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr || header.sh_type != SHT_RELA) continue;
    if ((header.sh_flags & SHF_ALLOC) != 0) ReadRelocations(elf, section, header, name, &out);
  }
  return out;
}

struct DynamicFacts {
  bool is_program = false;  // linked as a program (a position-independent one looks like a library otherwise)
  bool uses_glibc = false;
};

DynamicFacts ReadDynamic(Elf* elf) {
  DynamicFacts out;
  GElf_Ehdr header;
  if (gelf_getehdr(elf, &header) != nullptr && header.e_type == ET_EXEC) out.is_program = true;
  Elf_Scn* section = nullptr;
  while ((section = elf_nextscn(elf, section)) != nullptr) {
    GElf_Shdr shdr;
    if (gelf_getshdr(section, &shdr) == nullptr || shdr.sh_type != SHT_DYNAMIC || shdr.sh_entsize == 0) continue;
    Elf_Data* data = elf_getdata(section, nullptr);
    if (data == nullptr) continue;
    const size_t count = std::min<size_t>(data->d_size / shdr.sh_entsize, kMaxDynamicEntries);
    for (size_t i = 0; i < count; ++i) {
      GElf_Dyn entry;
      if (gelf_getdyn(data, static_cast<int>(i), &entry) == nullptr) break;
      if (entry.d_tag == DT_FLAGS_1 && (entry.d_un.d_val & DF_1_PIE) != 0) out.is_program = true;
      if (entry.d_tag != DT_NEEDED) continue;
      const char* needed = elf_strptr(elf, shdr.sh_link, entry.d_un.d_val);
      // Names that glibc alone gives its C library and its dynamic linker, which has __tls_get_addr.
      const std::string_view name = needed == nullptr ? "" : needed;
      out.uses_glibc = out.uses_glibc || name == "libc.so.6" || name == "ld-linux-x86-64.so.2";
    }
  }
  return out;
}

std::optional<GElf_Phdr> BlockSegment(Elf* elf) {
  size_t count = 0;
  if (elf_getphdrnum(elf, &count) != 0) return std::nullopt;
  for (size_t i = 0; i < count; ++i) {
    GElf_Phdr header;
    if (gelf_getphdr(elf, static_cast<int>(i), &header) == nullptr) return std::nullopt;
    if (header.p_type == PT_TLS) return header;
  }
  return std::nullopt;
}

// The distance from the block of the main program to the thread pointer; none when it has no block.
std::optional<uint64_t> ProgramBlockDistance(Elf* elf) {
  const std::optional<GElf_Phdr> header = BlockSegment(elf);
  if (!header.has_value()) return std::nullopt;
  const uint64_t align = header->p_align == 0 ? 1 : header->p_align;
  if ((align & (align - 1)) != 0) return std::nullopt;
  // The block ends at the thread pointer and begins at an address congruent to p_vaddr.
  const uint64_t skew = -header->p_vaddr & (align - 1);
  return ((header->p_memsz - skew + align - 1) & ~(align - 1)) + skew;
}

v1::Node ThreadPointer() { return RegisterNode(kThreadPointerRegister); }

// `address`, computed from the thread pointer, which the word that it points to proves: the ABI keeps its own address
// there.
v1::Node IfThreadPointerIsRight(v1::Node address) {
  return CheckedNode(BinaryNode(v1::OP_EQ, MemoryNode(ThreadPointer()), ThreadPointer()), std::move(address),
                     "the thread pointer is not known");
}

v1::Node Plus(v1::Node base, uint64_t offset) { return BinaryNode(v1::OP_ADD, std::move(base), ConstantNode(offset)); }

v1::Node GotEntry(uint64_t address, LinkAddress probe) {
  return MemoryNode(Plus(RegisterNode(kRipRegister), address - probe.value));
}

// Through the thread's table of blocks as glibc lays it out (nptl/descr.h, sysdeps/x86_64/dl-tls.h): entries of two
// words, the block and what to free; the number of entries is two entries before the first.
v1::Node BlockByNumber(v1::Node number) {
  constexpr uint64_t kTableInTcb = 8;
  constexpr uint64_t kEntryBytes = 16;
  constexpr uint64_t kUnallocated = ~uint64_t{0};
  const v1::Node table = MemoryNode(Plus(ThreadPointer(), kTableInTcb));
  const v1::Node entry = BinaryNode(v1::OP_ADD, table, BinaryNode(v1::OP_MUL, number, ConstantNode(kEntryBytes)));
  v1::Node block = MemoryNode(entry);
  block = CheckedNode(BinaryNode(v1::OP_EQ, MemoryNode(Plus(entry, 8)), ConstantNode(0)), std::move(block),
                      "the library's thread-local block was made after the thread: it is not proven to be its own");
  block = CheckedNode(BinaryNode(v1::OP_NE, MemoryNode(entry), ConstantNode(kUnallocated)), std::move(block),
                      "the thread has not used the library's thread-local variables yet");
  v1::Node known = BinaryNode(v1::OP_LE, std::move(number), MemoryNode(Plus(table, -kEntryBytes)));
  return CheckedNode(std::move(known), std::move(block),
                     "the thread has not used the library's thread-local variables yet");
}

}  // namespace

absl::StatusOr<v1::Node> ThreadLocalAddress(const Module& module, uint64_t offset, std::string_view name,
                                            LinkAddress probe) {
  Elf* elf = module.binary().handle();
  const DynamicFacts facts = ReadDynamic(elf);
  if (facts.is_program) {
    const std::optional<uint64_t> distance = ProgramBlockDistance(elf);
    if (!distance.has_value())
      return absl::UnimplementedError("thread-local variable of a program without such a segment");
    return IfThreadPointerIsRight(Plus(ThreadPointer(), offset - *distance));
  }
  const Slots slots = FindSlots(elf, name);
  if (slots.thread_offset.has_value()) {
    const Slot& slot = *slots.thread_offset;
    v1::Node address = BinaryNode(v1::OP_ADD, ThreadPointer(), GotEntry(slot.address, probe));
    if (!slot.by_name) address = Plus(std::move(address), offset - static_cast<uint64_t>(slot.addend));
    return IfThreadPointerIsRight(std::move(address));
  }
  if (!slots.module_number.has_value()) {
    return absl::UnimplementedError("thread-local variable of a library that does not say where its block is");
  }
  if (!facts.uses_glibc) {
    return absl::UnimplementedError("thread-local variable of a library that is not linked with glibc");
  }
  constexpr uint64_t kNextEntry = 8;
  const Slot& slot = *slots.module_number;
  v1::Node block = BlockByNumber(GotEntry(slot.address, probe));
  v1::Node address = slot.by_name ? BinaryNode(v1::OP_ADD, std::move(block), GotEntry(slot.address + kNextEntry, probe))
                                  : Plus(std::move(block), offset);
  return IfThreadPointerIsRight(std::move(address));
}

absl::StatusOr<uint64_t> OffsetOfIndexed(const Module& module, uint64_t entry) {
  const std::optional<GElf_Phdr> header = BlockSegment(module.binary().handle());
  if (!header.has_value()) return absl::UnimplementedError("thread-local variable of a file without such a segment");
  const bool is_offset = entry < header->p_memsz;
  const bool is_address = entry - header->p_vaddr < header->p_memsz;
  if (is_offset == is_address) {
    return absl::UnimplementedError("thread-local variable whose offset in the split debug information is ambiguous");
  }
  return is_offset ? entry : entry - header->p_vaddr;
}

}  // namespace dlog::dwarf
