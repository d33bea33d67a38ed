// SPDX-License-Identifier: Apache-2.0
#include "daemon/format/text_escape.h"

#include <cstring>

#include "daemon/event/text.h"

namespace dlog::format {
namespace {

constexpr char kHex[] = "0123456789abcdef";

bool IsContinuation(uint8_t byte) { return (byte & 0xc0) == 0x80; }

template <typename Out>
void AppendHex(uint32_t value, int digits, Out* out) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out->push_back(kHex[value >> shift & 15]);
}

template <typename Out>
void AppendByteEscape(uint8_t byte, Out* out) {
  out->append("\\x");
  AppendHex(byte, 2, out);
}

template <typename Out>
void AppendControlEscape(uint8_t byte, Out* out) {
  switch (byte) {
    case '\n':
      out->append("\\n");
      return;
    case '\t':
      out->append("\\t");
      return;
    case '\r':
      out->append("\\r");
      return;
    case '\0':
      out->append("\\0");
      return;
    default:
      AppendByteEscape(byte, out);
  }
}

bool IsControl(uint8_t byte) { return byte < 0x20 || byte == 0x7f; }

// U+0080..U+009F: terminals take them for escape sequences too.
bool IsC1(std::string_view sequence) {
  return sequence.size() == 2 && sequence[0] == '\xc2' && static_cast<uint8_t>(sequence[1]) < 0xa0;
}

// Copies well-formed text in runs; asks `special` for every byte below 0x80 whether it takes care of it.
template <typename Special, typename Out>
void AppendEscaped(std::string_view bytes, bool escape_c1, Special special, Out* out) {
  if (IsPlain(bytes)) {
    out->append(bytes);
    return;
  }
  size_t run = 0;
  size_t position = 0;
  const auto flush = [&] { out->append(bytes.substr(run, position - run)); };
  while (position < bytes.size()) {
    const auto byte = static_cast<uint8_t>(bytes[position]);
    size_t length = 1;
    bool plain = true;
    if (byte < 0x80) {
      plain = !special(byte, false);
    } else {
      length = Utf8Length(bytes.substr(position));
      plain = length != 0 && !(escape_c1 && IsC1(bytes.substr(position, length)));
      if (length == 0) length = 1;
    }
    if (plain) {
      position += length;
      continue;
    }
    flush();
    if (byte < 0x80) {
      special(byte, true);
    } else {
      for (size_t i = 0; i < length; ++i) AppendByteEscape(static_cast<uint8_t>(bytes[position + i]), out);
    }
    position += length;
    run = position;
  }
  flush();
}

// Eight bytes at a time, each lane of a word apart: the top bit of a lane tells.
constexpr uint64_t kOnes = 0x0101010101010101;
constexpr uint64_t kTops = 0x8080808080808080;

constexpr uint64_t HasZero(uint64_t word) { return (word - kOnes) & ~word & kTops; }
constexpr uint64_t HasByte(uint64_t word, uint8_t byte) { return HasZero(word ^ (kOnes * byte)); }

[[gnu::always_inline]] inline bool IsPlainWord(uint64_t word) {
  const uint64_t odd = (word - kOnes * 0x20) | word;  // below 0x20, or above 0x7f; exact where no lane is odd
  return ((odd & kTops) | HasByte(word, 0x7f) | HasByte(word, '"') | HasByte(word, '\'') | HasByte(word, '\\')) == 0;
}

// Sixteen at a time; the compiler has instructions for it.
using Block = signed char __attribute__((vector_size(16)));

[[gnu::always_inline]] inline bool IsPlainWord(Block block) {
  using Words = uint64_t __attribute__((vector_size(16)));
  const auto odd = reinterpret_cast<Words>((block < 0x20) | (block == 0x7f) | (block == '"') | (block == '\'') |
                                           (block == '\\'));  // signed: above 0x7f is below 0x20
  return (odd[0] | odd[1]) == 0;
}

template <typename T>
[[gnu::always_inline]] inline T Load(const char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

template <typename T>
[[gnu::always_inline]] inline void Store(T value, char* to) {
  std::memcpy(to, &value, sizeof(value));
}

// At least one T; the last one may look at some bytes again. Copies, unless `to` is null.
template <typename T>
[[gnu::always_inline]] inline bool ScanPlain(std::string_view bytes, char* to) {
  const size_t last = bytes.size() - sizeof(T);
  for (size_t position = 0; position < last; position += sizeof(T)) {
    const T block = Load<T>(bytes.data() + position);
    if (!IsPlainWord(block)) return false;
    if (to != nullptr) Store(block, to + position);
  }
  const T block = Load<T>(bytes.data() + last);
  if (to != nullptr) Store(block, to + last);
  return IsPlainWord(block);
}

// Fewer than eight bytes: the first and the last of them, which may overlap.
template <typename Half>
[[gnu::always_inline]] inline bool ScanHalves(std::string_view bytes, char* to) {
  const size_t last = bytes.size() - sizeof(Half);
  const Half first_half = Load<Half>(bytes.data());
  const Half last_half = Load<Half>(bytes.data() + last);
  if (to != nullptr) {
    Store(first_half, to);
    Store(last_half, to + last);
  }
  constexpr uint64_t kFill = sizeof(Half) == 4 ? 0 : kOnes * 'a' << 32;
  return IsPlainWord(first_half | uint64_t{last_half} << (8 * sizeof(Half)) | kFill);
}

[[gnu::always_inline]] inline bool Scan(std::string_view bytes, char* to) {
  if (bytes.size() >= sizeof(Block)) return ScanPlain<Block>(bytes, to);
  if (bytes.size() >= sizeof(uint64_t)) return ScanPlain<uint64_t>(bytes, to);
  if (bytes.size() >= sizeof(uint32_t)) return ScanHalves<uint32_t>(bytes, to);
  if (bytes.size() >= sizeof(uint16_t)) return ScanHalves<uint16_t>(bytes, to);
  if (bytes.empty()) return true;
  if (to != nullptr) *to = bytes.front();
  return IsPlainWord(kOnes * static_cast<uint8_t>(bytes.front()));
}

}  // namespace

bool IsPlain(std::string_view bytes) { return Scan(bytes, nullptr); }

char* CopyIfPlain(std::string_view bytes, char* to) { return Scan(bytes, to) ? to + bytes.size() : nullptr; }

size_t Utf8Length(std::string_view bytes) {
  if (bytes.empty()) return 0;
  const auto at = [&](size_t index) { return static_cast<uint8_t>(bytes[index]); };
  const uint8_t first = at(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xc2 && first <= 0xdf   ? 2
                        : first >= 0xe0 && first <= 0xef ? 3
                        : first >= 0xf0 && first <= 0xf4 ? 4
                                                         : 0;
  if (length == 0 || bytes.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if (!IsContinuation(at(i))) return 0;
  }
  // Overlong forms, surrogates, beyond U+10FFFF.
  if (first == 0xe0 && at(1) < 0xa0) return 0;
  if (first == 0xed && at(1) > 0x9f) return 0;
  if (first == 0xf0 && at(1) < 0x90) return 0;
  if (first == 0xf4 && at(1) > 0x8f) return 0;
  return length;
}

size_t WithoutCutCharacter(std::string_view bytes) {
  for (size_t back = 1; back <= 3 && back <= bytes.size(); ++back) {
    const auto byte = static_cast<uint8_t>(bytes[bytes.size() - back]);
    if (IsContinuation(byte)) continue;
    const size_t wanted = byte > 0xf4 ? 1 : byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 1;
    return wanted > back ? bytes.size() - back : bytes.size();
  }
  return bytes.size();
}

void AppendUtf8(char32_t code_point, std::string* out) {
  const auto push = [out](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    push(code_point);
  } else if (code_point < 0x800) {
    push(0xc0 | code_point >> 6);
    push(0x80 | (code_point & 0x3f));
  } else if (code_point < 0x10000) {
    push(0xe0 | code_point >> 12);
    push(0x80 | (code_point >> 6 & 0x3f));
    push(0x80 | (code_point & 0x3f));
  } else {
    push(0xf0 | code_point >> 18);
    push(0x80 | (code_point >> 12 & 0x3f));
    push(0x80 | (code_point >> 6 & 0x3f));
    push(0x80 | (code_point & 0x3f));
  }
}

template <typename Out>
void AppendBare(std::string_view bytes, Out* out) {
  AppendEscaped(
      bytes, false, [](uint8_t, bool) { return false; }, out);
}

template <typename Out>
void AppendOneLine(std::string_view bytes, Out* out) {
  AppendEscaped(
      bytes, true,
      [out](uint8_t byte, bool write) {
        if (!IsControl(byte)) return false;
        if (write) AppendControlEscape(byte, out);
        return true;
      },
      out);
}

template <typename Out>
void AppendQuoted(std::string_view bytes, char quote, Out* out) {
  out->push_back(quote);
  AppendEscaped(
      bytes, true,
      [out, quote](uint8_t byte, bool write) {
        const bool marks = byte == static_cast<uint8_t>(quote) || byte == '\\';
        if (!marks && !IsControl(byte)) return false;
        if (!write) return true;
        if (marks) {
          out->push_back('\\');
          out->push_back(static_cast<char>(byte));
        } else {
          AppendControlEscape(byte, out);
        }
        return true;
      },
      out);
  out->push_back(quote);
}

void AppendWide(std::string_view bytes, size_t unit, std::string* out) {
  const auto unit_at = [&](size_t position) {
    uint32_t value = 0;
    std::memcpy(&value, bytes.data() + position, unit);
    return value;
  };
  for (size_t position = 0; position + unit <= bytes.size(); position += unit) {
    uint32_t value = unit_at(position);
    if (unit == 2 && value >> 10 == 0x36 && position + 4 <= bytes.size()) {
      const uint32_t low = unit_at(position + 2);
      if (low >> 10 == 0x37) {
        value = 0x10000 + ((value & 0x3ff) << 10 | (low & 0x3ff));
        position += 2;
      }
    }
    if (value > 0x10ffff) {
      out->append("\\U");
      AppendHex(value, 8, out);
    } else if (value >= 0xd800 && value <= 0xdfff) {
      out->append("\\u");
      AppendHex(value, 4, out);
    } else {
      AppendUtf8(value, out);
    }
  }
}

template void AppendBare(std::string_view, std::string*);
template void AppendBare(std::string_view, event::Text*);
template void AppendOneLine(std::string_view, std::string*);
template void AppendOneLine(std::string_view, event::Text*);
template void AppendQuoted(std::string_view, char, std::string*);
template void AppendQuoted(std::string_view, char, event::Text*);

}  // namespace dlog::format
