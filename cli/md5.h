// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace dlog::cli {

// The 16 bytes of the MD5 (RFC 1321) of `text`: how DWARF 5 line tables tell source files apart. No protection against
// anybody.
std::string Md5(std::string_view text);

}  // namespace dlog::cli
