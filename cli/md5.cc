// SPDX-License-Identifier: Apache-2.0
#include "cli/md5.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace dlog::cli {
namespace {

constexpr size_t kBlock = 64;

using State = std::array<uint32_t, 4>;

// RFC 1321, section 3.4: the integer parts of 2^32 * |sin(i + 1)|.
const std::array<uint32_t, 64>& Sines() {
  static const auto table = [] {
    std::array<uint32_t, 64> out;
    for (size_t i = 0; i < out.size(); ++i) {
      out[i] = static_cast<uint32_t>(std::floor(std::fabs(std::sin(static_cast<double>(i + 1))) * 4294967296.0));
    }
    return out;
  }();
  return table;
}

void AddBlock(const char* block, State* state) {
  static constexpr std::array<std::array<int, 4>, 4> kShifts = {
      {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}}};
  std::array<uint32_t, 16> words;
  std::memcpy(words.data(), block, kBlock);
  auto [a, b, c, d] = *state;
  for (uint32_t i = 0; i < 64; ++i) {
    uint32_t mixed = 0, word = 0;
    switch (i / 16) {
      case 0:
        mixed = (b & c) | (~b & d);
        word = i;
        break;
      case 1:
        mixed = (d & b) | (~d & c);
        word = (5 * i + 1) % 16;
        break;
      case 2:
        mixed = b ^ c ^ d;
        word = (3 * i + 5) % 16;
        break;
      default:
        mixed = c ^ (b | ~d);
        word = (7 * i) % 16;
    }
    const uint32_t sum = a + mixed + Sines()[i] + words[word];
    a = d;
    d = c;
    c = b;
    b += std::rotl(sum, kShifts[i / 16][i % 4]);
  }
  *state = {(*state)[0] + a, (*state)[1] + b, (*state)[2] + c, (*state)[3] + d};
}

}  // namespace

std::string Md5(std::string_view text) {
  static_assert(std::endian::native == std::endian::little);
  State state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  const size_t whole = text.size() / kBlock * kBlock;
  for (size_t at = 0; at < whole; at += kBlock) AddBlock(text.data() + at, &state);
  std::string tail(text.substr(whole));
  tail.push_back('\x80');
  tail.append((kBlock - (tail.size() + 8) % kBlock) % kBlock, '\0');
  const uint64_t bits = uint64_t{text.size()} * 8;
  tail.append(reinterpret_cast<const char*>(&bits), sizeof(bits));
  for (size_t at = 0; at < tail.size(); at += kBlock) AddBlock(tail.data() + at, &state);
  return std::string(reinterpret_cast<const char*>(state.data()), sizeof(state));
}

}  // namespace dlog::cli
