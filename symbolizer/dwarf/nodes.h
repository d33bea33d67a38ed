// SPDX-License-Identifier: Apache-2.0
//
// Building machine-word Nodes (type 0, unsigned 64-bit arithmetic) with constants folded.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "plan.pb.h"

namespace dlog::dwarf {

inline constexpr uint32_t kRipRegister = 16;  // DWARF numbering of x86-64: the return address column

// Types of nodes that are no machine words, before a type table has numbered them (ResolveTypeMarks): floating point of
// 4, 8 or 16 (x87) bytes, the signed integers of 8 and 16 that conversions go through, and the unsigned one of 16.
inline constexpr uint32_t kFloatMark = 0xffff'0000;
inline constexpr uint32_t kSignedMark = 0xfffe'0000;
inline bool IsFloatMark(uint32_t type) { return (type & kFloatMark) == kFloatMark; }

// Replaces the marks in the tree by what `number` makes of them.
void ResolveTypeMarks(const std::function<uint32_t(uint32_t mark)>& number, v1::Node* node);

v1::Node ConstantNode(uint64_t value);
v1::Node RegisterNode(uint32_t reg);
v1::Node VectorNode(uint32_t xmm);
// What a register of arguments held when the function was entered.
v1::Node AtEntryNode(uint32_t reg);
// The object at `address`.
v1::Node MemoryNode(v1::Node address);
// The `size` (1..8) bytes at `address`, zero-extended to a machine word.
v1::Node LoadNode(v1::Node address, uint32_t size);
v1::Node UnaryNode(v1::Operator op, v1::Node operand);
v1::Node BinaryNode(v1::Operator op, v1::Node left, v1::Node right);
// Without folding: for operands that are no machine words.
v1::Node TypedBinaryNode(v1::Operator op, v1::Node left, v1::Node right, uint32_t type);
v1::Node ConvertNode(v1::Node operand, uint32_t type);
v1::Node UnavailableNode(std::string_view why);

// The value of a constant of at most 8 bytes, zero-extended.
std::optional<uint64_t> ConstantValue(const v1::Node& node);

// Whether all registers (DWARF numbers, not vector registers) that the tree reads are among those.
bool OnlyReadsRegisters(const v1::Node& node, const std::function<bool(uint32_t)>& among);

// Whether the tree needs to know what registers held when the function was entered.
bool ReadsEntry(const v1::Node& node);

// Nodes in the tree.
size_t NodeCount(const v1::Node& node);
// Nodes on the longest way from the root to a leaf; pieces count as leaves.
size_t NodeDepth(const v1::Node& node);

}  // namespace dlog::dwarf
