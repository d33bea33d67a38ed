// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/location_list.h"

#include <dwarf.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "symbolizer/dwarf/cursor.h"
#include "symbolizer/dwarf/debug_sections.h"
#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/line_index.h"

namespace dlog::dwarf {
namespace {

constexpr size_t kMaxLocationEntries = 65536;
constexpr const char* kSeveralValues =
    "it has several values there, one before and one after an assignment that left no instruction";

// What orders the points of a program: the address, then the statements at it.
using Point = std::pair<LinkAddress, uint64_t>;

// An entry that begins or ends at the address in question.
struct Candidate {
  LocationEntry entry;
  Point begin;
  Point end;
  bool Covers(const Point& point) const { return begin <= point && point < end; }
};

absl::Status OptimizedOut(LinkAddress address, const char* why) {
  return absl::FailedPreconditionError(
      fmt::format("optimized out at {:#x}{}{}", address.value, *why == '\0' ? "" : ": ", why));
}

bool SameOperations(std::span<const Dwarf_Op> a, std::span<const Dwarf_Op> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Dwarf_Op& x, const Dwarf_Op& y) {
    return x.atom == y.atom && x.number == y.number && x.number2 == y.number2;
  });
}

// DW_AT_GNU_locviews of the DIE that has the list itself.
std::optional<Dwarf_Attribute> ViewList(const Dwarf_Die& variable) {
  return Own(variable, DW_AT_location).has_value() ? Own(variable, DW_AT_GNU_locviews)
                                                   : Inherited(variable, DW_AT_GNU_locviews);
}

// The section of a unit's location lists.
struct ListSection {
  std::span<const uint8_t> bytes;
  uint64_t base = 0;  // what offsets into it are relative to
  bool is_split = false;
};

ListSection SectionOf(Dwarf_CU* unit) {
  ListSection out;
  Dwarf_Half version = 0;
  if (unit == nullptr || dwarf_cu_info(unit, &version, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr) != 0) {
    return out;
  }
  Elf* elf = dwarf_getelf(dwarf_cu_getdwarf(unit));
  out.bytes = SectionBytes(elf, version >= 5 ? ".debug_loclists" : ".debug_loc");
  if (!out.bytes.empty()) return out;
  // A .dwo file has no other. In version 5 gcc counts from behind the header.
  out.is_split = true;
  out.bytes = SectionBytes(elf, version >= 5 ? ".debug_loclists.dwo" : ".debug_loc.dwo");
  if (version >= 5) out.base = Cursor(out.bytes).U32() == 0xffffffff ? 20 : 12;
  return out;
}

std::optional<uint64_t> OffsetOf(const ListSection& section, Dwarf_Attribute& attr) {
  Dwarf_Word offset = 0;
  if (dwarf_formudata(&attr, &offset) != 0) return std::nullopt;
  if (dwarf_whatform(&attr) == DW_FORM_loclistx) {
    // gcc has these in split units only.
    const bool is_64 = section.base == 20;
    if (!section.is_split || offset > section.bytes.size()) return std::nullopt;
    Cursor table(section.bytes);
    table.Skip(section.base + offset * (is_64 ? 8 : 4));
    offset = table.Offset(is_64);
    if (!table.ok()) return std::nullopt;
  }
  if (offset > section.bytes.size()) return std::nullopt;
  return section.base + offset;
}

// Reads the views of `candidates`, which are the entries `indices` of the `count` that could be read of `list`;
// `whole`: that is all of them. False when `views` is not one pair for each entry.
bool ReadViews(Dwarf_Attribute& views, Dwarf_Attribute& list, size_t count, bool whole,
               const std::vector<size_t>& indices, std::vector<Candidate>& candidates) {
  const ListSection section = SectionOf(list.cu);
  const std::optional<uint64_t> at = OffsetOf(section, views);
  const std::optional<uint64_t> list_at = OffsetOf(section, list);
  if (!at.has_value() || !list_at.has_value()) return false;
  Cursor cursor(section.bytes);
  cursor.Skip(*at);
  size_t next = 0;
  for (size_t i = 0; i < count; ++i) {
    const uint64_t begin = cursor.Uleb();
    const uint64_t end = cursor.Uleb();
    if (!cursor.ok()) return false;
    if (next < indices.size() && indices[next] == i) {
      candidates[next].begin.second = begin;
      candidates[next].end.second = end;
      ++next;
    }
  }
  // gcc writes the views right before the list, which tells whether they are as many as its entries.
  return whole ? cursor.position() == *list_at : cursor.position() <= *list_at;
}

// No views to ask: true is what is described in one way only at the address. Where optimised code has
// nothing left of its first statements gcc leaves an entry with an empty range for those before an assignment.
absl::StatusOr<std::span<const Dwarf_Op>> WithoutViews(Dwarf_Attribute& attr, LinkAddress address, bool untold) {
  auto ops = OperationsAt(attr, address);
  if (!ops.ok() || ops->empty()) return ops;
  bool other = false;
  // A list that breaks off is good up to there.
  (void)ForEachEntry(attr, [&](const LocationEntry& entry) {
    if (entry.range.begin != address) return true;
    other = entry.range.end == address ? !SameOperations(entry.ops, *ops) : untold && entry.range.Contains(address);
    return !other;
  });
  if (other) return OptimizedOut(address, kSeveralValues);
  return ops;
}

// What all of `candidates` that are true at the point say. None: why there is no such thing.
absl::StatusOr<std::span<const Dwarf_Op>> Agreed(const std::vector<Candidate>& candidates, LinkAddress address,
                                                 View view) {
  const Candidate* found = nullptr;
  for (const Candidate& candidate : candidates) {
    if (!candidate.Covers({address, view})) continue;
    if (found != nullptr && !SameOperations(found->entry.ops, candidate.entry.ops)) {
      return OptimizedOut(address, "several values are described for this statement");
    }
    found = &candidate;
  }
  if (found != nullptr) return found->entry.ops;
  return OptimizedOut(address, candidates.empty() ? "" : "it has a value at another statement that begins there only");
}

// Views cannot be asked: the value has to be the same for all statements at the address.
absl::StatusOr<std::span<const Dwarf_Op>> SameForAll(const std::vector<Candidate>& candidates, LinkAddress address) {
  auto first = Agreed(candidates, address, 0);
  if (!first.ok()) return first.status();
  auto last = Agreed(candidates, address, kLastView);
  if (!last.ok()) return last.status();
  for (const Candidate& candidate : candidates) {
    const bool here = candidate.begin <= Point{address, kLastView} && candidate.end > Point{address, 0};
    if (here && !SameOperations(candidate.entry.ops, *first)) return OptimizedOut(address, kSeveralValues);
  }
  return SameOperations(*first, *last) ? std::move(first) : OptimizedOut(address, kSeveralValues);
}

}  // namespace

View ViewOf(const Module& module, const Dwarf_Die& unit, const LineRow& row) {
  if (!row.shares_address) return row.view;
  const std::optional<Dwarf_Die> content = ContentUnit(module, unit);
  auto attr = content.has_value() ? Own(*content, DW_AT_producer) : std::nullopt;
  const char* text = attr.has_value() ? dwarf_formstring(&*attr) : nullptr;
  if (text == nullptr) return row.view;
  const std::string_view producer = text;
  const auto has = [&](std::string_view part) { return producer.find(part) != std::string_view::npos; };
  const bool untold = producer.starts_with("GNU ") && (has("-gno-variable-location-views") || has("-gstrict-dwarf"));
  return untold ? kUntoldView : row.view;
}

bool IsLocationList(Dwarf_Attribute& attr) {
  switch (dwarf_whatform(&attr)) {
    case DW_FORM_sec_offset:
    case DW_FORM_loclistx:
    case DW_FORM_data4:
    case DW_FORM_data8:
      return true;
    default:
      return false;
  }
}

absl::Status ForEachEntry(Dwarf_Attribute& attr, const std::function<bool(const LocationEntry&)>& visit) {
  Dwarf_Addr base = 0;
  Dwarf_Addr begin = 0;
  Dwarf_Addr end = 0;
  Dwarf_Op* ops = nullptr;
  size_t count = 0;
  ptrdiff_t offset = 0;
  for (size_t i = 0; i < kMaxLocationEntries; ++i) {
    offset = dwarf_getlocations(&attr, offset, &base, &begin, &end, &ops, &count);
    if (offset == 0) return absl::OkStatus();
    if (offset < 0) return absl::InvalidArgumentError(fmt::format("malformed location list: {}", dwarf_errmsg(-1)));
    if (!visit({{LinkAddress{begin}, LinkAddress{end}}, {ops, count}})) return absl::OkStatus();
  }
  return absl::InvalidArgumentError("location list with too many entries");
}

absl::StatusOr<std::span<const Dwarf_Op>> OperationsAt(Dwarf_Attribute& attr, LinkAddress address) {
  Dwarf_Op* ops = nullptr;
  size_t count = 0;
  const int found = dwarf_getlocation_addr(&attr, address.value, &ops, &count, 1);
  if (found < 0) {
    // libdw does not know DW_OP_GNU_uninit either, with which gcc marks a variable that has no value yet.
    return absl::InvalidArgumentError(fmt::format(
        "the location description at {:#x} marks an uninitialized variable or is malformed", address.value));
  }
  return found == 0 ? std::span<const Dwarf_Op>() : std::span<const Dwarf_Op>(ops, count);
}

absl::StatusOr<std::span<const Dwarf_Op>> OperationsAtView(const Dwarf_Die& variable, Dwarf_Attribute& attr,
                                                           LinkAddress address, View view) {
  if (!IsLocationList(attr)) return OperationsAt(attr, address);
  std::optional<Dwarf_Attribute> views = ViewList(variable);
  if (!views.has_value()) return WithoutViews(attr, address, view == kUntoldView);
  std::vector<Candidate> candidates;
  std::vector<size_t> indices;
  size_t count = 0;
  const absl::Status whole = ForEachEntry(attr, [&](const LocationEntry& entry) {
    const AddressRange& range = entry.range;
    if (range.begin <= address && address <= range.end) {
      candidates.push_back({entry, {range.begin, 0}, {range.end, 0}});
      indices.push_back(count);
    }
    ++count;
    return true;
  });
  if (!ReadViews(*views, attr, count, whole.ok(), indices, candidates)) {
    const bool inside =
        candidates.size() == 1 && candidates[0].entry.range.begin < address && address < candidates[0].entry.range.end;
    if (inside) return candidates[0].entry.ops;
    return OptimizedOut(address, candidates.empty() ? "" : "its location views are damaged");
  }
  auto found = view == kUnknownView ? SameForAll(candidates, address) : Agreed(candidates, address, view);
  return found.ok() || whole.ok() ? found : whole;
}

}  // namespace dlog::dwarf
