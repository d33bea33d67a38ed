// SPDX-License-Identifier: Apache-2.0
//
// Bytes of a target -> text that is always valid UTF-8. What is not valid is shown as \xNN, never dropped or replaced.
// Out is std::string or event::Text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dlog::format {

// Length of the well-formed UTF-8 sequence at the start of `bytes` (Unicode table 3-7); 0 when there is none.
size_t Utf8Length(std::string_view bytes);

// Whether every byte is printable ASCII and neither a quote nor a backslash: true of nearly all texts, and such a text
// is itself in every form that is written here and as JSON.
bool IsPlain(std::string_view bytes);
// Copies `bytes` to `to` and returns the end when they are plain; null, with any bytes at `to`, when they are not.
char* CopyIfPlain(std::string_view bytes, char* to);

// Length of `bytes` without an incomplete sequence at its end, which is what a cut in the middle of a character leaves.
size_t WithoutCutCharacter(std::string_view bytes);

void AppendUtf8(char32_t code_point, std::string* out);

// As is, but invalid bytes as \xNN.
template <typename Out>
void AppendBare(std::string_view bytes, Out* out);

// As is, but nothing that could end the line or drive a terminal: control characters as \n, \t, \x1b, ...
template <typename Out>
void AppendOneLine(std::string_view bytes, Out* out);

// Between `quote` characters, with C escapes.
template <typename Out>
void AppendQuoted(std::string_view bytes, char quote, Out* out);

// UTF-16 (unit 2) or UTF-32 (unit 4), little-endian, to UTF-8; what is no character becomes \uNNNN or \UNNNNNNNN.
void AppendWide(std::string_view bytes, size_t unit, std::string* out);

}  // namespace dlog::format
