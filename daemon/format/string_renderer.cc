// SPDX-License-Identifier: Apache-2.0
//
// Characters in a row: C strings, character arrays, string classes.
#include <fmt/format.h>

#include <algorithm>

#include "daemon/format/leaf.h"
#include "daemon/format/renderer.h"
#include "daemon/format/text_escape.h"

namespace dlog::format {

using pipeline::Object;
using pipeline::ReadFailure;
using pipeline::ReadResult;

namespace {

// Position of the first NUL character, or npos.
size_t FindNul(std::string_view bytes, size_t unit) {
  if (unit == 1) return bytes.find('\0');
  for (size_t position = 0; position + unit <= bytes.size(); position += unit) {
    if (bytes.substr(position, unit).find_first_not_of('\0') == std::string_view::npos) return position;
  }
  return std::string_view::npos;
}

}  // namespace

ReadResult Renderer::Gather(uint64_t address, uint64_t size, const Object* self, std::string* out) const {
  for (uint32_t offset = 0; size != 0 && self != nullptr && pipeline::OffsetInHand(*self, address, &offset);
       --size, ++address) {
    if (offset >= self->byte_size || (self->valid >> offset & 1) == 0) return {ReadFailure::kNotCaptured, address};
    out->push_back(static_cast<char>(self->bytes[offset]));
  }
  while (size != 0) {
    const std::span<const uint8_t> run = image_.RunAt(address, size);
    if (run.empty()) {
      char byte;
      return image_.Read(address, &byte, 1);
    }
    out->append(reinterpret_cast<const char*>(run.data()), run.size());
    address += run.size();
    size -= run.size();
  }
  return {};
}

void Renderer::EmitString(std::string_view bytes, uint64_t unit, bool cut, Position at, Value* out, Text* text) {
  std::string utf8;
  if (unit != 1) {
    AppendWide(bytes, unit, &utf8);
    bytes = utf8;
  }
  const std::string_view whole = bytes;
  if (cut) bytes = bytes.substr(0, WithoutCutCharacter(bytes));
  const size_t start = text->size();
  if (at.root && !format_.empty()) {
    out->set_string_value(whole);
    std::string bare;
    AppendBare(bytes, &bare);
    Leaf(std::string_view(bare), bare, at, out, text);
    if (!cut || out->status() == v1::STATUS_ERROR) return;
    text->append("...");
    return out->refer_text(text->view(start));
  }
  if (at.root) {
    AppendBare(bytes, text);
  } else {
    AppendQuoted(bytes, '"', text);
  }
  // Where nothing had to be escaped the bytes are there as they are, between the quotes.
  const size_t quotes = at.root ? 0 : 1;
  const bool as_is = text->size() - start == bytes.size() + 2 * quotes;
  const std::string_view shown = {text->data() + start + quotes, bytes.size()};
  if (as_is && whole.size() == bytes.size()) {
    out->refer_string_value(shown);
  } else {
    out->set_string_value(whole);
  }
  if (cut) text->append("...");
  if (at.root) return out->refer_text(text->view(start));
  if (as_is && !cut) return out->refer_text(shown);
  std::string bare;
  AppendBare(bytes, &bare);
  out->set_text(cut ? bare + "..." : bare);
}

void Renderer::RenderString(uint64_t address, uint64_t count, uint64_t unit, const Object& self, Position at,
                            Value* out, Text* text) {
  out->set_size(count);
  const uint64_t wanted = std::min<uint64_t>(count, limits_.string_bytes / unit);
  if (const std::span<const uint8_t> run = image_.RunAt(address, wanted * unit);
      self.in_memory && wanted == count && run.size() == wanted * unit) {
    return EmitString({reinterpret_cast<const char*>(run.data()), run.size()}, unit, false, at, out, text);
  }
  std::string bytes;
  const ReadResult end = Gather(address, wanted * unit, &self, &bytes);
  const uint64_t got = bytes.size() / unit;
  bytes.resize(got * unit);
  if (got < wanted && end.failure == ReadFailure::kFault) {
    const std::string reason = pipeline::FailureReason(end);
    if (got == 0) return Fail(v1::STATUS_UNREADABLE, reason, out, text);
    out->set_status(v1::STATUS_PARTIAL);
    out->set_reason(fmt::format("unreadable {} after {}/{}", reason, got, count));
  } else if (got < count) {
    Truncate(fmt::format("{}/{}", got, count), out);
  }
  EmitString(bytes, unit, got < count, at, out, text);
}

void Renderer::RenderCString(uint64_t address, uint64_t unit, Position at, Value* out, Text* text) {
  const uint64_t limit = limits_.string_bytes - limits_.string_bytes % unit;
  // One character more than is shown: a NUL right behind the limit ends a string that was not cut.
  const std::span<const uint8_t> run = image_.RunAt(address, limit + unit);
  const std::string_view first(reinterpret_cast<const char*>(run.data()), run.size());
  if (const size_t nul = FindNul(first, unit); nul != std::string_view::npos) {
    out->set_size(nul / unit);
    return EmitString(first.substr(0, nul), unit, false, at, out, text);
  }
  std::string bytes;
  const ReadResult end = Gather(address, limit + unit, nullptr, &bytes);
  const size_t nul = FindNul(bytes, unit);
  if (nul != std::string::npos) {
    bytes.resize(nul);
    out->set_size(nul / unit);
    return EmitString(bytes, unit, false, at, out, text);
  }
  bytes.resize(std::min<uint64_t>(limit, bytes.size() - bytes.size() % unit));
  if (bytes.empty() && end.failure == ReadFailure::kFault) {
    return Fail(v1::STATUS_UNREADABLE, pipeline::FailureReason(end), out, text);
  }
  if (bytes.empty()) {  // the pointer itself is known, its string is not; strings of wide characters are not followed
    if (unit == 1) Truncate(MissingReason(at), out);
    return RenderAddress(address, false, at, out, text);
  }
  if (end.failure == ReadFailure::kFault) {
    out->set_status(v1::STATUS_PARTIAL);
    out->set_reason(
        fmt::format("unreadable {} after {} characters", pipeline::FailureReason(end), bytes.size() / unit));
  } else {
    Truncate(fmt::format("{}/?", bytes.size() / unit), out);
  }
  EmitString(bytes, unit, true, at, out, text);
}

void Renderer::RenderCharArray(const Object& object, uint64_t count, uint64_t unit, Position at, Value* out,
                               Text* text) {
  const uint64_t wanted = std::min<uint64_t>(count, limits_.string_bytes / unit);
  std::string bytes;
  ReadResult end;
  if (object.in_memory) {
    end = Gather(object.address, wanted * unit, nullptr, &bytes);
  } else {
    for (uint64_t i = 0; i < std::min<uint64_t>(wanted * unit, object.byte_size) && (object.valid >> i & 1); ++i) {
      bytes.push_back(static_cast<char>(object.bytes[i]));
    }
  }
  bytes.resize(bytes.size() - bytes.size() % unit);
  const size_t nul = FindNul(bytes, unit);
  const bool whole = nul != std::string::npos || bytes.size() / unit == count;
  if (nul != std::string::npos) bytes.resize(nul);
  const uint64_t got = bytes.size() / unit;
  if (!whole && got == 0 && !object.in_memory && !object.holes.empty()) {
    return Fail(object.holes.front().status, object.holes.front().reason, out, text);
  }
  if (!whole && end.failure == ReadFailure::kFault) {
    if (got == 0) return Fail(v1::STATUS_UNREADABLE, pipeline::FailureReason(end), out, text);
    out->set_status(v1::STATUS_PARTIAL);
    out->set_reason(fmt::format("unreadable {} after {}/{}", pipeline::FailureReason(end), got, count));
  } else if (!whole) {
    out->set_size(count);
    Truncate(fmt::format("{}/{}", got, count), out);
  }
  if (whole) out->set_size(got);
  EmitString(bytes, unit, !whole, at, out, text);
}

}  // namespace dlog::format
