// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/plan/redacted.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "symbolizer/base/status_hint.h"
#include "symbolizer/plan/nodes.h"

namespace dlog::plan {
namespace {

using dwarf::ByteRange;

constexpr char kHint[] = "the operator decides what is redacted: keys `redaction.*` of dlogd's configuration";

// Whether [begin, end) are bytes that may be captured.
bool IsVisible(const std::vector<ByteRange>& visible, uint64_t begin, uint64_t end) {
  return std::any_of(visible.begin(), visible.end(),
                     [&](const ByteRange& range) { return range.begin <= begin && end <= range.end; });
}

bool Touches(const std::vector<ByteRange>& visible, uint64_t begin, uint64_t end) {
  return std::any_of(visible.begin(), visible.end(),
                     [&](const ByteRange& range) { return range.begin < end && begin < range.end; });
}

}  // namespace

absl::Status Redacted(std::string_view what, std::string_view why) {
  return WithHint(
      absl::PermissionDeniedError(absl::StrCat("'", std::string(what), "' is redacted: ", std::string(why))), kHint);
}

absl::Status CheckTypeVisible(const dwarf::TypeGraph& types, uint32_t type) {
  constexpr int kMaxDepth = 16;  // dimensions of an array
  if (!types.redaction().active()) return absl::OkStatus();
  for (int i = 0; i < kMaxDepth; ++i) {
    const v1::Type& t = types.at(type);
    if (!t.redacted().empty()) return Redacted(t.name(), t.redacted());
    if (t.kind() != v1::TYPE_REFERENCE && t.kind() != v1::TYPE_ARRAY) break;
    type = t.target();
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::Node> WithoutRedactedPieces(const dwarf::TypeGraph& types, v1::Node object) {
  if (IsInMemory(object) || !types.HidesBytes(object.type())) return object;
  const v1::Type& type = types.at(object.type());
  if (!object.has_composite()) {
    return Redacted(type.name(), "it is in a register together with what is redacted");
  }
  const std::vector<ByteRange> visible = types.VisibleBytes(object.type());
  uint64_t bit = 0;
  for (v1::Composite::Piece& piece : *object.mutable_composite()->mutable_pieces()) {
    const uint64_t bits = piece.bits() != 0 ? piece.bits() : uint64_t{piece.size()} * 8;
    const uint64_t begin = bit / 8;
    const uint64_t end = std::min<uint64_t>((bit + bits + 7) / 8, type.size());
    bit += bits;
    if (IsVisible(visible, begin, end)) continue;
    if (Touches(visible, begin, end)) {
      return Redacted(type.name(), "a part of it is in a register together with what is redacted");
    }
    piece.set_in_memory(false);
    piece.mutable_value()->Clear();
    piece.mutable_value()->set_unavailable("redacted");
  }
  return object;
}

absl::Status CheckPointerCast(dwarf::TypeGraph* types, uint32_t from, uint32_t to) {
  if (!types->redaction().active() || types->at(from).kind() != v1::TYPE_POINTER) return absl::OkStatus();
  const uint32_t source = types->at(from).target();
  types->Expand(source);
  if (!types->HidesBytes(source)) return absl::OkStatus();
  absl::Status refused =
      Redacted(types->at(source).name(), "a cast of a pointer to it would show parts that are redacted");
  if (types->at(to).kind() == v1::TYPE_BOOL) return absl::OkStatus();
  if (types->at(to).kind() != v1::TYPE_POINTER) return refused;
  const uint32_t target = types->at(to).target();
  types->Expand(target);
  if (!types->at(target).redacted().empty()) return absl::OkStatus();
  if (types->at(target).kind() != v1::TYPE_STRUCT) return refused;
  // A base or derived class: whatever is hidden in one is hidden in the other.
  if (dwarf::Overlap(types->VisibleBytes(target), types->HiddenBytes(source))) return refused;
  return absl::OkStatus();
}

}  // namespace dlog::plan
