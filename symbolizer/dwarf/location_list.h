// SPDX-License-Identifier: Apache-2.0
//
// Location lists (.debug_loc, .debug_loclists; DWARF 5 section 2.6.2) with gcc's location views, which tell apart the
// statements that begin at one address (https://gcc.gnu.org/wiki/LVu; DW_AT_GNU_locviews lists a pair of views for each
// entry, in the section of the list). A point of the program is an address and the number of the line row there.
#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "symbolizer/base/addresses.h"
#include "symbolizer/dwarf/module.h"
#include "symbolizer/dwarf/scopes.h"

namespace dlog::dwarf {

struct LineRow;

// A View is LineRow::view of the statement that is meant; or one of these.
inline constexpr View kLastView = 0xffffffff;     // behind all statements that begin at the address
inline constexpr View kUnknownView = 0xfffffffe;  // any of them: what is said must be true for all

// One of several statements in code of gcc that was told to write no views (-gno-variable-location-views,
// -gstrict-dwarf): an entry that begins at the address may be for later ones.
inline constexpr View kUntoldView = 0xfffffffd;

// The view of the statement that `row` of `unit` begins.
View ViewOf(const Module& module, const Dwarf_Die& unit, const LineRow& row);

struct LocationEntry {
  AddressRange range;  // may be empty: views tell for which statements at that address it is
  std::span<const Dwarf_Op> ops;
};

// Whether the attribute is a list, not one description for everywhere.
bool IsLocationList(Dwarf_Attribute& attr);

// Calls `visit` for each entry with a sensible range; false stops. InvalidArgument when the list cannot be read to its
// end: what was visited before is good.
absl::Status ForEachEntry(Dwarf_Attribute& attr, const std::function<bool(const LocationEntry&)>& visit);

// The description in `attr` for one address; empty when nothing covers it. Entries for other addresses are not even
// decoded, so a broken one spoils its own range only. libdw's test is half-open. Two entries that overlap would be two
// locations of the same value; the first is as good as any.
absl::StatusOr<std::span<const Dwarf_Op>> OperationsAt(Dwarf_Attribute& attr, LinkAddress address);

// The description of `variable` in its DW_AT_location `attr` at the statement `view` of `address`. FailedPrecondition
// when no entry covers that point, or when several do that say different things, or do so for what is not known of the
// point (kUnknownView, or a list that views would have to explain and that has none that fit).
absl::StatusOr<std::span<const Dwarf_Op>> OperationsAtView(const Dwarf_Die& variable, Dwarf_Attribute& attr,
                                                           LinkAddress address, View view);

}  // namespace dlog::dwarf
