// SPDX-License-Identifier: Apache-2.0
//
// The parts of C++ that an expression may not use, each with the reason that the user is told.
#pragma once

#include <string_view>

namespace dlog::expr {

inline constexpr char kNoCasts[] =
    "this cast is not supported: only C casts, static_cast and reinterpret_cast to scalar and pointer types are";
inline constexpr char kNoCalls[] = "calls are not supported: a log line must not run code of the program";

// Why an operator that may follow an operand in C++ may not here, or null.
const char* RefusalOfPunctuator(std::string_view punctuator);

// Why a keyword may not stand in an expression, or null.
const char* RefusalOfWord(std::string_view word);

// "size", "empty", "front", ...: written like calls, answered without running code of the program.
bool IsAccessor(std::string_view word);

// Words that begin a type: a cast, or a functional cast.
bool IsTypeWord(std::string_view word);

// Words that are no names and have no reason of their own.
bool IsOtherKeyword(std::string_view word);

}  // namespace dlog::expr
