// SPDX-License-Identifier: Apache-2.0
//
// Strong types for the numbers that are easily mixed up.
#pragma once

#include <compare>
#include <cstdint>

namespace dlog {

// An address as in the ELF file (before load bias); what DWARF, symbols and `explain` speak of.
struct LinkAddress {
  uint64_t value = 0;
  // Not ours: the zero of the comparison that the compiler writes.
  friend auto operator<=>(const LinkAddress&, const LinkAddress&) = default;  // NOLINT(modernize-use-nullptr)
};

// An offset in an ELF file on disk; what uprobes are attached to.
struct FileOffset {
  uint64_t value = 0;
  friend auto operator<=>(const FileOffset&, const FileOffset&) = default;  // NOLINT(modernize-use-nullptr)
};

// An address in a running process.
struct RuntimeAddress {
  uint64_t value = 0;
  friend auto operator<=>(const RuntimeAddress&, const RuntimeAddress&) = default;  // NOLINT(modernize-use-nullptr)
};

}  // namespace dlog
