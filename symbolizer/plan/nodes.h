// SPDX-License-Identifier: Apache-2.0
//
// Small constructors and rewrites for plan Nodes.
#pragma once

#include <cstdint>
#include <optional>

#include "plan.pb.h"

namespace dlog::plan {

// Machine words (type 0).
v1::Node Word(uint64_t value);
v1::Node Self();
// left + offset, folding constants; `left` itself when offset is 0.
v1::Node AddOffset(v1::Node left, int64_t offset);
v1::Node WordBinary(v1::Operator op, v1::Node left, v1::Node right);

// The object of `type` at `address`.
v1::Node MemoryObject(v1::Node address, uint32_t type);
v1::Node MakeUnary(v1::Operator op, v1::Node operand, uint32_t type);
v1::Node MakeBinary(v1::Operator op, v1::Node left, v1::Node right, uint32_t type);
v1::Node MakeConvert(v1::Node operand, uint32_t type);
v1::Node MakeChecked(v1::Node condition, v1::Node value, std::string_view reason);
// The value of a key: a scalar, or with a null `key` a string that is `text`.
v1::Node MakeLookup(v1::Node container, const v1::Node* key, std::string_view text, uint32_t type);
v1::Node MakeConstant(const void* bytes, size_t size, uint32_t type);

// True for lvalues whose address is known: `memory`, or a checked one.
bool IsInMemory(const v1::Node& node);
// The address (machine word) of an object for which IsInMemory holds; keeps the check around it.
v1::Node AddressOf(const v1::Node& object);

// `pattern` with every `self` replaced by `address`.
v1::Node SubstituteSelf(const v1::Node& pattern, const v1::Node& address);

// A Shape's node for this object, in memory or not. Empty when the node needs the address of an object that has none.
std::optional<v1::Node> InsideObject(const v1::Node& pattern, const v1::Node& object);

// base + displacement, when the node is a machine word of that form.
struct BaseOffset {
  const v1::Node* base = nullptr;
  int64_t offset = 0;
};
BaseOffset SplitOffset(const v1::Node& address);

// The constant's low 8 bytes, zero-extended; empty for other nodes and for constants longer than 8 bytes.
std::optional<uint64_t> ConstantWord(const v1::Node& node);

}  // namespace dlog::plan
