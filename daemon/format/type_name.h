// SPDX-License-Identifier: Apache-2.0
//
// Names of types as std::type_info has them.
#pragma once

#include <string>
#include <string_view>

namespace dlog::format {

// "N4shop5OrderE" -> "shop::Order" (Itanium C++ ABI 5.1): classes without template arguments, fundamental types,
// pointers, std::string. Empty for all others and for what is no such name. The text is hostile: no recursion, bounded
// by its size.
std::string TypeNameText(std::string_view mangled);

}  // namespace dlog::format
