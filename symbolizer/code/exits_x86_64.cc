// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "symbolizer/code/effects.h"
#include "symbolizer/code/exits.h"

namespace dlog::code {
namespace {

std::optional<Exit> ExitOf(const Effects& effects, LinkAddress address, std::span<const MappedBytes> function) {
  Exit exit{address, effects.length, ExitKind::kReturn, effects.target};
  if (effects.returns) return exit;
  if (effects.indirect_jump) {
    exit.kind = ExitKind::kIndirectJump;
    return exit;
  }
  if (!effects.jumps || !effects.target.has_value()) return std::nullopt;
  const auto holds = [&](const MappedBytes& range) { return range.Contains(effects.target->value); };
  if (std::any_of(function.begin(), function.end(), holds)) return std::nullopt;
  exit.kind = effects.conditional ? ExitKind::kConditionalJump : ExitKind::kTailJump;
  return exit;
}

}  // namespace

absl::StatusOr<std::vector<Exit>> FindExits(std::span<const MappedBytes> function) {
  std::vector<Exit> exits;
  for (const MappedBytes& range : function) {
    for (size_t i = 0; i < range.bytes.size();) {
      const LinkAddress address{range.begin.value + i};
      auto effects = EffectsOf(range.bytes.subspan(i), address);
      if (!effects.ok()) return effects.status();
      if (auto exit = ExitOf(*effects, address, function); exit.has_value()) exits.push_back(*exit);
      i += effects->length;
    }
  }
  return exits;
}

}  // namespace dlog::code
