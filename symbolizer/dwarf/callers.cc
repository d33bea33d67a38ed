// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/callers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <optional>
#include <set>

#include "symbolizer/code/call_scan.h"
#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/symbols.h"
#include "symbolizer/dwarf/unit_index.h"

namespace dlog::dwarf {
namespace {

constexpr size_t kMaxTailCalledFunctions = 128;
constexpr size_t kMaxCallSiteDies = 1u << 16;
constexpr size_t kMaxRelocations = 1u << 20;  // of one section
constexpr size_t kMaxSlots = 8;

bool Contains(const std::vector<AddressRange>& ranges, LinkAddress address) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const AddressRange& r) { return r.Contains(address); });
}

// The ranges of all compile units, ascending; empty when there are more than `most` units.
const std::vector<UnitIndex::Code>& UnitRanges(const Module& module, size_t most) {
  std::optional<std::vector<UnitIndex::Code>>& known = module.cache().unit_ranges;
  if (known.has_value()) return *known;
  known.emplace();
  size_t units = 0;
  ForEachUnit(module, false, [&](const Dwarf_Die& unit) {
    for (const AddressRange& range : RangesOf(module, unit)) known->push_back({range, unit});
    return ++units <= most;
  });
  if (units > most) known->clear();
  std::stable_sort(known->begin(), known->end(),
                   [](const auto& a, const auto& b) { return a.range.begin < b.range.begin; });
  module.ReleasePages();
  return *known;
}

std::optional<Dwarf_Die> UnitAt(const Module& module, LinkAddress address) {
  // .debug_aranges is small and tells at once, but not every compiler writes it. To look at all units is dear when
  // there are many; where some have aranges, what is not found there mostly has no debug information at all.
  constexpr size_t kFewUnits = 256;
  Dwarf_Aranges* aranges = nullptr;
  size_t count = 0;
  const bool has_aranges = dwarf_getaranges(module.dwarf(), &aranges, &count) == 0 && count > 0;
  Dwarf_Die unit;
  if (has_aranges && dwarf_addrdie(module.dwarf(), address.value, &unit) != nullptr) return ContentUnit(module, unit);
  const auto& units = UnitRanges(module, has_aranges ? kFewUnits : SIZE_MAX);
  auto behind = std::upper_bound(units.begin(), units.end(), address,
                                 [](LinkAddress a, const UnitIndex::Code& u) { return a < u.range.begin; });
  if (behind == units.begin() || !std::prev(behind)->range.Contains(address)) return std::nullopt;
  return std::prev(behind)->die;
}

std::optional<Dwarf_Die> SubprogramIn(const Module& module, const Dwarf_Die& parent, LinkAddress address, int depth) {
  std::optional<Dwarf_Die> found;
  ForEachChild(parent, [&](const Dwarf_Die& child) {
    if (Tag(child) != DW_TAG_subprogram || !HasCodeAttributes(child)) return true;
    if (Contains(RangesOf(module, child), address)) found = child;
    return !found.has_value();
  });
  if (found.has_value() || depth >= kMaxDieDepth) return found;
  // clang defines functions inside their namespaces.
  ForEachChild(parent, [&](const Dwarf_Die& child) {
    const int tag = Tag(child);
    if (tag == DW_TAG_namespace || tag == DW_TAG_class_type || tag == DW_TAG_structure_type || tag == DW_TAG_module) {
      found = SubprogramIn(module, child, address, depth + 1);
    }
    return !found.has_value();
  });
  return found;
}

bool IsCallSite(int tag) { return tag == DW_TAG_call_site || tag == DW_TAG_GNU_call_site; }

// Calls `visit` for the call sites of a function, those of its blocks and inlined copies included; false stops.
bool ForEachCallSite(const Dwarf_Die& parent, int depth, size_t* budget,
                     const std::function<bool(const Dwarf_Die&)>& visit) {
  bool going = depth < kMaxDieDepth;
  ForEachChild(parent, [&](const Dwarf_Die& child) {
    const int tag = Tag(child);
    if (IsCallSite(tag)) {
      going = *budget > 0 && visit(child);
      if (*budget > 0) --*budget;
    } else if (tag == DW_TAG_lexical_block || tag == DW_TAG_inlined_subroutine) {
      going = ForEachCallSite(child, depth + 1, budget, visit);
    }
    return going;
  });
  return going;
}

std::optional<LinkAddress> ReturnAddressOf(const Dwarf_Die& call_site) {
  auto attr = Own(call_site, DW_AT_call_return_pc);
  if (!attr.has_value()) attr = Own(call_site, DW_AT_low_pc);  // as GNU wrote it before DWARF 5
  Dwarf_Addr address = 0;
  if (!attr.has_value() || dwarf_formaddr(&*attr, &address) != 0) return std::nullopt;
  return LinkAddress{address};
}

bool IsTailCall(const Dwarf_Die& call_site) {
  for (unsigned name : {unsigned{DW_AT_call_tail_call}, unsigned{DW_AT_GNU_tail_call}}) {
    auto attr = Own(call_site, name);
    bool flag = false;
    if (attr.has_value() && dwarf_formflag(&*attr, &flag) == 0 && flag) return true;
  }
  return false;
}

// A tail call whose target is computed: one that names no function.
bool HasIndirectTailCall(const Dwarf_Die& function) {
  bool found = false;
  size_t budget = kMaxCallSiteDies;
  const bool whole = ForEachCallSite(function, 0, &budget, [&](const Dwarf_Die& site) {
    found =
        IsTailCall(site) && !Own(site, DW_AT_call_origin).has_value() && !Own(site, DW_AT_abstract_origin).has_value();
    return !found;
  });
  return found || !whole;
}

// A tail call of the function itself; compilers make loops of most.
bool CallsItself(const Dwarf_Die& function) {
  bool found = false;
  size_t budget = kMaxCallSiteDies;
  const bool whole = ForEachCallSite(function, 0, &budget, [&](const Dwarf_Die& site) {
    if (!IsTailCall(site)) return true;
    auto origin = ReferenceOf(site, DW_AT_call_origin);
    if (!origin.has_value()) origin = ReferenceOf(site, DW_AT_abstract_origin);
    found = origin.has_value() && SameDie(DeclarationOf(*origin), DeclarationOf(function));
    return !found;
  });
  return found || !whole;
}

// Where a function may go by tail calls.
struct TailCalls {
  std::vector<LinkAddress> targets;
  bool open = false;  // also to functions that nobody knows
};

TailCalls TailCallsOf(const Module& module, const Dwarf_Die& function) {
  TailCalls out;
  const std::vector<AddressRange> ranges = RangesOf(module, function);
  bool indirect = false;
  for (const AddressRange& range : ranges) {
    auto code = module.binary().CodeAt(range.begin, range.end.value - range.begin.value);
    const code::Exits exits = code.ok() ? code::ExitsOf(*code, range.begin) : code::Exits{{}, false, false};
    out.open = out.open || !exits.decoded;
    indirect = indirect || exits.indirect;
    for (LinkAddress target : exits.jumps) {
      if (!Contains(ranges, target)) out.targets.push_back(target);
    }
  }
  // Indirect jumps are those of jump tables when the debug information, which knows all tail calls, has none of them.
  if (indirect && (!DescribesAllTailCalls(function) || HasIndirectTailCall(function))) out.open = true;
  return out;
}

// Whether something that is not a direct call or jump can lead to `entry`: a pointer to it in data (vtables,
// relocations, exported symbols), an instruction that computes it.
bool AddressMayBeKnown(const Module& module, LinkAddress entry) {
  const elf::ElfFile& binary = module.binary();
  const auto image = binary.image();
  for (const elf::Segment& segment : binary.segments()) {
    const auto bytes = image.subspan(segment.offset.value, segment.file_size);
    if (segment.executable) {
      const bool absolute = entry.value <= INT32_MAX && binary.segments().front().address.value != 0;
      if (code::MentionsAddress(bytes, segment.address, entry, absolute)) return true;
    }
    // Pointers are aligned in memory, and so in the file.
    for (size_t at = -segment.address.value % 8; at + 8 <= bytes.size(); at += 8) {
      uint64_t word;
      std::memcpy(&word, bytes.data() + at, sizeof word);
      if (word == entry.value) return true;
    }
  }
  return false;
}

struct Transfers {
  std::vector<LinkAddress> returns;  // of direct calls
  bool jumped_to = false;            // from outside the function
  bool loops = false;                // jumped to from inside
  bool too_many = false;
};

Transfers TransfersTo(const Module& module, LinkAddress entry, const std::vector<AddressRange>& own) {
  // Jumps from inside are loops; whatever else is found is checked against the debug information.
  constexpr size_t kMost = kMaxCallSites * 64;
  Transfers out;
  const auto image = module.binary().image();
  for (const elf::Segment& segment : module.binary().segments()) {
    if (!segment.executable) continue;
    const auto bytes = image.subspan(segment.offset.value, segment.file_size);
    const auto found = code::TransfersTo(bytes, segment.address, entry, kMost);
    out.too_many = out.too_many || found.size() == kMost;
    for (const code::EntryTransfer& transfer : found) {
      if (transfer.is_call) {
        out.returns.push_back(transfer.next);
      } else {
        (Contains(own, {transfer.next.value - 1}) ? out.loops : out.jumped_to) = true;
      }
    }
  }
  return out;
}

// OK when no chain of tail calls that starts in `function` can lead back to its entry.
absl::Status CheckNoReentry(const Module& module, const Dwarf_Die& function, LinkAddress entry,
                            const Transfers& transfers) {
  const auto by_tail_call = [] {
    return absl::FailedPreconditionError("it may have been reached again by a tail call");
  };
  if (transfers.loops && (!DescribesAllTailCalls(function) || CallsItself(function))) return by_tail_call();
  std::set<LinkAddress> seen;
  std::vector<Dwarf_Die> pending = {function};
  bool open = false;
  while (!pending.empty() && !open) {
    const Dwarf_Die at = pending.back();
    pending.pop_back();
    const TailCalls calls = TailCallsOf(module, at);
    open = calls.open;
    for (LinkAddress target : calls.targets) {
      if (target == entry) return by_tail_call();
      if (!seen.insert(target).second) continue;
      const std::optional<Dwarf_Die> next = SubprogramAt(module, target);
      const auto begin = next.has_value() ? EntryOf(module, *next) : std::nullopt;
      if (begin != target || seen.size() > kMaxTailCalledFunctions) {
        open = true;
        break;
      }
      pending.push_back(*next);
    }
  }
  if (open && (transfers.jumped_to || AddressMayBeKnown(module, entry))) {
    return absl::FailedPreconditionError("it may have been reached again by tail calls through code that is not known");
  }
  return absl::OkStatus();
}

// The words of the module's data that the dynamic linker fills with the address of the function at `entry`, or of
// another of its name.
std::vector<LinkAddress> SlotsOf(const Module& module, LinkAddress entry) {
  std::vector<LinkAddress> out;
  Elf* const elf = module.binary().handle();
  for (Elf_Scn* section = elf_nextscn(elf, nullptr); section != nullptr; section = elf_nextscn(elf, section)) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr || header.sh_type != SHT_RELA || header.sh_entsize == 0) continue;
    Elf_Data* const relocations = elf_getdata(section, nullptr);
    Elf_Scn* const symbol_section = elf_getscn(elf, header.sh_link);
    Elf_Data* const symbols = symbol_section != nullptr ? elf_getdata(symbol_section, nullptr) : nullptr;
    const size_t count = std::min<size_t>(header.sh_size / header.sh_entsize, kMaxRelocations);
    for (size_t i = 0; relocations != nullptr && symbols != nullptr && i < count && out.size() < kMaxSlots; ++i) {
      GElf_Rela relocation;
      GElf_Sym symbol;
      if (gelf_getrela(relocations, static_cast<int>(i), &relocation) == nullptr) break;
      const uint64_t type = GELF_R_TYPE(relocation.r_info);
      if (type != R_X86_64_JUMP_SLOT && type != R_X86_64_GLOB_DAT) continue;
      if (gelf_getsym(symbols, static_cast<int>(GELF_R_SYM(relocation.r_info)), &symbol) == nullptr) continue;
      if (symbol.st_shndx != SHN_UNDEF && symbol.st_value == entry.value) out.push_back({relocation.r_offset});
    }
  }
  return out;
}

// Adds the call that returns to `next`, when the debug information describes it.
bool AddDescribed(const Module& module, LinkAddress next, CallTarget target, LinkAddress slot, Callers* out) {
  const std::optional<Dwarf_Die> caller = SubprogramAt(module, {next.value - 1});
  bool described = false;
  size_t budget = kMaxCallSiteDies;
  if (!caller.has_value()) return false;
  ForEachCallSite(*caller, 0, &budget, [&](const Dwarf_Die& site) {
    if (ReturnAddressOf(site) != next || IsTailCall(site)) return true;
    out->sites.push_back({next, site, *caller, target, slot});
    described = true;
    return false;
  });
  return described;
}

// Calls through a slot of the function, at once or by a stub of the procedure linkage table.
void AddCallsThroughSlots(const Module& module, LinkAddress entry, Callers* out) {
  for (const LinkAddress slot : SlotsOf(module, entry)) {
    std::vector<LinkAddress> returns;
    const auto image = module.binary().image();
    for (const elf::Segment& segment : module.binary().segments()) {
      if (!segment.executable) continue;
      const auto bytes = image.subspan(segment.offset.value, segment.file_size);
      for (const auto& through : code::TransfersThrough(bytes, segment.address, slot, kMaxCallSites)) {
        if (through.is_call) {
          returns.push_back(through.next);
          continue;
        }
        for (const auto& call : code::TransfersTo(bytes, segment.address, through.address, kMaxCallSites)) {
          if (call.is_call) returns.push_back(call.next);
        }
      }
    }
    for (const LinkAddress next : returns) {
      if (out->sites.size() < kMaxCallSites) AddDescribed(module, next, CallTarget::kSlot, slot, out);
    }
  }
}

// Calls through pointers in the unit of `function` whose target the debug information tells. None when there are many.
void AddCallsThroughPointers(const Module& module, const Dwarf_Die& function, Callers* out) {
  std::vector<CallSite> found;
  size_t budget = kMaxCallSiteDies;
  std::set<const void*> seen;
  for (const UnitIndex::Code& code : IndexOf(module, function).code()) {
    if (!seen.insert(code.die.addr).second) continue;
    ForEachCallSite(code.die, 0, &budget, [&](const Dwarf_Die& site) {
      if (!Own(site, DW_AT_call_target).has_value() && !Own(site, DW_AT_GNU_call_site_target).has_value()) return true;
      const auto next = ReturnAddressOf(site);
      if (next.has_value() && !IsTailCall(site)) found.push_back({*next, site, code.die, CallTarget::kExpression, {}});
      return found.size() <= kMaxIndirectCallSites;
    });
    if (found.size() > kMaxIndirectCallSites || budget == 0) return;
  }
  if (out->sites.size() + found.size() <= kMaxCallSites)
    out->sites.insert(out->sites.end(), found.begin(), found.end());
}

Callers FindCallers(const Module& module, LinkAddress entry) {
  Callers out;
  const std::optional<Dwarf_Die> function = SubprogramAt(module, entry);
  if (!function.has_value()) {
    out.status = absl::FailedPreconditionError("the function is not described");
    return out;
  }
  const Transfers transfers = TransfersTo(module, entry, RangesOf(module, *function));
  if (transfers.too_many || transfers.returns.size() > kMaxCallSites) {
    out.status =
        absl::ResourceExhaustedError(fmt::format("the function is called from more than {} places", kMaxCallSites));
    return out;
  }
  for (LinkAddress next : transfers.returns) {
    if (!AddDescribed(module, next, CallTarget::kDirect, {}, &out)) ++out.undescribed;
  }
  AddCallsThroughSlots(module, entry, &out);
  AddCallsThroughPointers(module, *function, &out);
  out.status = CheckNoReentry(module, *function, entry, transfers);
  return out;
}

}  // namespace

std::optional<Dwarf_Die> SubprogramAt(const Module& module, LinkAddress address) {
  const auto [slot, added] = module.cache().subprograms.try_emplace(address.value);
  if (added) {
    if (auto unit = UnitAt(module, address); unit.has_value()) slot->second = SubprogramIn(module, *unit, address, 0);
  }
  return slot->second;
}

const Callers& CallersOf(const Module& module, LinkAddress entry) {
  std::unique_ptr<Callers>& slot = module.cache().callers[entry.value];
  if (slot == nullptr) slot = std::make_unique<Callers>(FindCallers(module, entry));
  return *slot;
}

bool DescribesAllTailCalls(const Dwarf_Die& function) {
  for (unsigned name : {unsigned{DW_AT_call_all_calls}, unsigned{DW_AT_call_all_source_calls},
                        unsigned{DW_AT_call_all_tail_calls}, unsigned{DW_AT_GNU_all_call_sites},
                        unsigned{DW_AT_GNU_all_source_call_sites}, unsigned{DW_AT_GNU_all_tail_call_sites}}) {
    auto attr = Own(function, name);
    bool flag = false;
    if (attr.has_value() && dwarf_formflag(&*attr, &flag) == 0 && flag) return true;
  }
  return false;
}

bool IsTailCallAt(const Dwarf_Die& function, LinkAddress jump, uint64_t length) {
  bool found = false;
  size_t budget = kMaxCallSiteDies;
  ForEachCallSite(function, 0, &budget, [&](const Dwarf_Die& site) {
    Dwarf_Addr own = 0;
    auto pc = Own(site, DW_AT_call_pc);
    const bool here = pc.has_value() && dwarf_formaddr(&*pc, &own) == 0 && own == jump.value;
    found = IsTailCall(site) && (here || ReturnAddressOf(site) == LinkAddress{jump.value + length});
    return !found;
  });
  return found;
}

}  // namespace dlog::dwarf
