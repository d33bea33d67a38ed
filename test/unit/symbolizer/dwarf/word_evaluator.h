// SPDX-License-Identifier: Apache-2.0
//
// What a machine-word Node is worth for given registers and memory: the semantics of plan.proto in the smallest form,
// to check that DWARF expressions keep theirs.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>

#include "plan.pb.h"

namespace dlog::dwarf {

struct Machine {
  std::array<uint64_t, 17> registers{};
  std::map<uint64_t, uint8_t> memory;

  void Store(uint64_t address, uint64_t value, int size = 8);
};

// None when memory is missing or a check fails.
std::optional<uint64_t> Evaluate(const v1::Node& node, const Machine& machine);

}  // namespace dlog::dwarf
