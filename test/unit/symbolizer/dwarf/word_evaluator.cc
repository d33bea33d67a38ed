// SPDX-License-Identifier: Apache-2.0
#include "word_evaluator.h"

#include <algorithm>
#include <cstring>

namespace dlog::dwarf {
namespace {

std::optional<uint64_t> Load(const Machine& machine, uint64_t address, uint64_t size) {
  uint64_t value = 0;
  for (uint64_t i = 0; i < size; ++i) {
    const auto byte = machine.memory.find(address + i);
    if (byte == machine.memory.end()) return std::nullopt;
    value |= uint64_t{byte->second} << (i * 8);
  }
  return value;
}

std::optional<uint64_t> Apply(v1::Operator op, uint64_t a, uint64_t b) {
  switch (op) {
    case v1::OP_ADD:
      return a + b;
    case v1::OP_SUB:
      return a - b;
    case v1::OP_MUL:
      return a * b;
    case v1::OP_DIV:
      return b == 0 ? std::nullopt : std::optional(a / b);
    case v1::OP_MOD:
      return b == 0 ? std::nullopt : std::optional(a % b);
    case v1::OP_AND:
      return a & b;
    case v1::OP_OR:
      return a | b;
    case v1::OP_XOR:
      return a ^ b;
    case v1::OP_SHL:
      return b > 63 ? std::nullopt : std::optional(a << b);
    case v1::OP_SHR:
      return b > 63 ? std::nullopt : std::optional(a >> b);
    case v1::OP_EQ:
      return a == b;
    case v1::OP_NE:
      return a != b;
    case v1::OP_LT:
      return a < b;
    case v1::OP_LE:
      return a <= b;
    case v1::OP_GT:
      return a > b;
    case v1::OP_GE:
      return a >= b;
    default:
      return std::nullopt;
  }
}

}  // namespace

void Machine::Store(uint64_t address, uint64_t value, int size) {
  for (int i = 0; i < size; ++i) memory[address + i] = static_cast<uint8_t>(value >> (i * 8));
}

std::optional<uint64_t> Evaluate(const v1::Node& node, const Machine& machine) {
  switch (node.kind_case()) {
    case v1::Node::kReg:
      return node.reg() < machine.registers.size() ? std::optional(machine.registers[node.reg()]) : std::nullopt;
    case v1::Node::kConstant: {
      uint64_t value = 0;
      std::memcpy(&value, node.constant().data(), std::min<size_t>(8, node.constant().size()));
      return value;
    }
    case v1::Node::kMemory: {
      const auto address = Evaluate(node.memory(), machine);
      return address.has_value() ? Load(machine, *address, 8) : std::nullopt;
    }
    case v1::Node::kMember: {
      if (node.member().object().kind_case() != v1::Node::kMemory || node.member().bit_offset() != 0)
        return std::nullopt;
      const auto address = Evaluate(node.member().object().memory(), machine);
      if (!address.has_value()) return std::nullopt;
      return Load(machine, *address + node.member().offset(), node.member().bit_size() / 8);
    }
    case v1::Node::kUnary: {
      const auto operand = Evaluate(node.unary().operand(), machine);
      if (!operand.has_value()) return std::nullopt;
      return node.unary().op() == v1::OP_NEG ? -*operand : ~*operand;
    }
    case v1::Node::kBinary: {
      const auto left = Evaluate(node.binary().left(), machine);
      const auto right = Evaluate(node.binary().right(), machine);
      if (!left.has_value() || !right.has_value()) return std::nullopt;
      return Apply(node.binary().op(), *left, *right);
    }
    case v1::Node::kChecked: {
      const auto condition = Evaluate(node.checked().condition(), machine);
      if (!condition.has_value() || *condition == 0) return std::nullopt;
      return Evaluate(node.checked().value(), machine);
    }
    case v1::Node::kSelect: {
      const auto key = Evaluate(node.select().key(), machine);
      if (!key.has_value()) return std::nullopt;
      for (const auto& candidate : node.select().cases()) {
        const auto& keys = candidate.keys();
        if (std::find(keys.begin(), keys.end(), *key) != keys.end()) return Evaluate(candidate.value(), machine);
      }
      return std::nullopt;
    }
    default:
      return std::nullopt;
  }
}

}  // namespace dlog::dwarf
