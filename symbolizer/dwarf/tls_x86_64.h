// SPDX-License-Identifier: Apache-2.0
//
// Where the thread-local variables of a module are, by the x86-64 ABI for thread-local storage (variant 2).
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"
#include "plan.pb.h"
#include "symbolizer/base/addresses.h"
#include "symbolizer/dwarf/module.h"

namespace dlog::dwarf {

// The address of the thread-local variable at `offset` in the module's block, in the thread that hits `probe`. `name`
// is the variable's symbol.
//   main program                  a constant distance from the thread pointer
//   library with a static block   by the offset that the dynamic linker has put into the library's GOT
//   other libraries               by the module number in the GOT and the thread's table of blocks (glibc); only blocks
//                                 that were made with the thread: one made later may belong to a library that has been
//                                 unloaded, and nothing that a hit can see tells
// Unimplemented, with the reason, when the module does not show a way.
absl::StatusOr<v1::Node> ThreadLocalAddress(const Module& module, uint64_t offset, std::string_view name,
                                            LinkAddress probe);

// The offset that an entry of .debug_addr means. gcc's -gsplit-dwarf writes the address of the variable's first value
// in the file (R_X86_64_64 instead of R_X86_64_DTPOFF64), clang the offset. Unimplemented where it could be both or
// neither.
absl::StatusOr<uint64_t> OffsetOfIndexed(const Module& module, uint64_t entry);

}  // namespace dlog::dwarf
