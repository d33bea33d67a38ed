// SPDX-License-Identifier: Apache-2.0
//
// Which types all units define at namespace scope, kept beside the inflated debug information (elf/inflate_cache.h): to
// learn it takes a walk over all units, which in a large library is most of the time of an answer.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "symbolizer/dwarf/module.h"

namespace dlog::dwarf {

// As it is in the file; sorted by `name`, then `kind`.
struct StoredType {
  enum Kind : uint32_t { kDefinition, kAmbiguous, kSpecified };

  uint64_t name = 0;    // HashOfName: qualified, or plain for kSpecified
  uint64_t offset = 0;  // of the DIE in .debug_info
  uint32_t kind = 0;
  uint32_t reserved = 0;

  // Not ours: the zero of the comparison that the compiler writes.
  friend auto operator<=>(const StoredType&, const StoredType&) = default;  // NOLINT(modernize-use-nullptr)
};
static_assert(sizeof(StoredType) == 24);

uint64_t HashOfName(std::string_view name);

// What an earlier run has kept for this build; none when there is nothing, or it is damaged.
std::optional<std::vector<StoredType>> ReadStoredTypes(const Module& module);
// Keeps it, if the module has a build-id and a cache directory and all its units are in one .debug_info.
void WriteStoredTypes(const Module& module, std::vector<StoredType> types);

// The entries for a name and kind.
std::vector<Dwarf_Die> FindStored(const Module& module, const std::vector<StoredType>& types, std::string_view name,
                                  StoredType::Kind kind);

}  // namespace dlog::dwarf
