// SPDX-License-Identifier: Apache-2.0
//
// The build-id of an ELF file: the only thing that the privileged process ever reads of one (no sections, no DWARF).
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace dlog::daemon {

// The bytes of the NT_GNU_BUILD_ID note in the file's PT_NOTE segments; empty when it has none. InvalidArgument when
// the file is not a 64-bit little-endian x86-64 ELF executable or shared library; DataLoss when its headers lie.
absl::StatusOr<std::string> ReadBuildId(const std::string& path);

// Lower-case hexadecimal.
std::string BuildIdHex(const std::string& build_id);

}  // namespace dlog::daemon
