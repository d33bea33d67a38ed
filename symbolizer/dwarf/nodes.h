// SPDX-License-Identifier: Apache-2.0
//
// Building machine-word Nodes (type 0, unsigned 64-bit arithmetic) with constants folded.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "plan.pb.h"

namespace dlog::dwarf {

inline constexpr uint32_t kRipRegister = 16;  // DWARF numbering of x86-64: the return address column

v1::Node ConstantNode(uint64_t value);
v1::Node RegisterNode(uint32_t reg);
// The object at `address`.
v1::Node MemoryNode(v1::Node address);
// The `size` (1..8) bytes at `address`, zero-extended to a machine word.
v1::Node LoadNode(v1::Node address, uint32_t size);
v1::Node UnaryNode(v1::Operator op, v1::Node operand);
v1::Node BinaryNode(v1::Operator op, v1::Node left, v1::Node right);
v1::Node UnavailableNode(std::string_view why);

// The value of a constant of at most 8 bytes, zero-extended.
std::optional<uint64_t> ConstantValue(const v1::Node& node);

// Nodes in the tree.
size_t NodeCount(const v1::Node& node);
// Nodes on the longest way from the root to a leaf; pieces count as leaves.
size_t NodeDepth(const v1::Node& node);

}  // namespace dlog::dwarf
