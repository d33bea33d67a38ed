// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dlog::cli {

// Writes all of `text` to standard output at once. False when its reader has gone.
bool WriteOut(std::string_view text);

// Left-aligned columns two spaces apart; the first row is the head. Control characters are made harmless.
std::string RenderTable(const std::vector<std::vector<std::string>>& rows);

// "2026-11-22 07:00:00" in local time.
std::string LocalTime(int64_t unix_ns);

std::string Hex(std::string_view bytes);

}  // namespace dlog::cli
