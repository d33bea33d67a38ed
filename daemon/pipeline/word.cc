// SPDX-License-Identifier: Apache-2.0
//
// Machine words without Objects around them.
#include <cstring>

#include "daemon/pipeline/evaluator.h"

namespace dlog::pipeline {
namespace {

// Larger nodes are left to Evaluate, which has limits of its own.
constexpr int kMaxWordNodes = 24;

class WordEvaluation {
 public:
  WordEvaluation(const TypeTable& types, const MemoryImage& image, uint64_t self)
      : types_(types), image_(image), self_(self) {}

  bool Word(const v1::Node& node, uint64_t* out) {
    if (++nodes_ > kMaxWordNodes || ScalarTypeOf(node.type(), types_) != kMachineWord) return false;
    switch (node.kind_case()) {
      case v1::Node::kSelf:
        *out = self_;
        return true;
      case v1::Node::kLinkAddress: {
        const auto address = image_.RuntimeAddress(node.link_address());
        *out = address.value_or(0);
        return address.has_value();
      }
      case v1::Node::kReg:
        *out = image_.register_value(node.reg());
        return image_.has_register(node.reg());
      case v1::Node::kConstant:
        return Constant(node, out);
      case v1::Node::kBinary:
        return Arithmetic(node.binary(), out);
      case v1::Node::kConvert:
        return Word(node.convert(), out);
      case v1::Node::kAddressOf:
        return Place(node.address_of(), out);
      case v1::Node::kMemory:
      case v1::Node::kMember: {
        uint64_t address = 0;
        return Place(node, &address) && image_.Read(address, out, sizeof(*out)).ok();
      }
      default:
        return false;
    }
  }

  // Where an object in memory is.
  bool Place(const v1::Node& node, uint64_t* out) {
    if (++nodes_ > kMaxWordNodes || node.type() >= static_cast<uint32_t>(types_.size())) return false;
    if (node.has_memory()) return Word(node.memory(), out);
    if (!node.has_member() || node.member().bit_size() != 0) return false;
    const v1::Node& object = node.member().object();
    if (object.type() >= static_cast<uint32_t>(types_.size())) return false;
    const bool refers = types_.Get(static_cast<int>(object.type())).kind() == v1::TYPE_REFERENCE;
    if (!(refers ? ReferredTo(object, out) : Place(object, out))) return false;
    *out += node.member().offset();
    return true;
  }

  // The low bits of what is computed from words, of which a type of integers takes as many as it has.
  bool Bits(const v1::Node& node, uint64_t* out) {
    return node.has_binary() ? Arithmetic(node.binary(), out) : node.has_convert() && Word(node.convert(), out);
  }

 private:
  static bool Constant(const v1::Node& node, uint64_t* out) {
    const std::string& bytes = node.constant();
    if (bytes.size() > sizeof(*out) || (bytes.size() < sizeof(*out) && node.type() != 0)) return false;
    *out = 0;
    std::memcpy(out, bytes.data(), bytes.size());
    return true;
  }

  // Modulo 2^64, as unsigned operands want it.
  bool Arithmetic(const v1::Binary& binary, uint64_t* out) {
    uint64_t left = 0;
    uint64_t right = 0;
    if (binary.op() < v1::OP_ADD || binary.op() > v1::OP_MUL) return false;
    if (!Word(binary.left(), &left) || !Word(binary.right(), &right)) return false;
    *out = binary.op() == v1::OP_ADD ? left + right : binary.op() == v1::OP_SUB ? left - right : left * right;
    return true;
  }

  bool ReferredTo(const v1::Node& reference, uint64_t* out) {
    const uint32_t target = types_.Get(static_cast<int>(reference.type())).target();
    return target < static_cast<uint32_t>(types_.size()) && Word(reference, out);
  }

  const TypeTable& types_;
  const MemoryImage& image_;
  const uint64_t self_;
  int nodes_ = 0;
};

}  // namespace

bool EvaluateWord(const v1::Node& node, const TypeTable& types, const MemoryImage& image, uint64_t self,
                  uint64_t* out) {
  return WordEvaluation(types, image, self).Word(node, out);
}

bool EvaluateBits(const v1::Node& node, const TypeTable& types, const MemoryImage& image, uint64_t* out) {
  return WordEvaluation(types, image, 0).Bits(node, out);
}

bool EvaluatePlace(const v1::Node& node, const TypeTable& types, const MemoryImage& image, uint64_t self,
                   uint64_t* out) {
  return WordEvaluation(types, image, self).Place(node, out);
}

}  // namespace dlog::pipeline
