// SPDX-License-Identifier: Apache-2.0
//
// Plans, types and images written by hand, for the tests of the evaluator and of the renderer.
#pragma once

#include <cstring>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "daemon/pipeline/evaluator.h"
#include "daemon/pipeline/memory_image.h"
#include "plan.pb.h"

namespace dlog::test {

class Types {
 public:
  Types() { Add(v1::TYPE_VOID, 0, "void"); }

  uint32_t Add(v1::TypeKind kind, uint64_t size, const std::string& name, uint32_t target = 0, uint64_t count = 0) {
    v1::Type* type = table.Add();
    type->set_kind(kind);
    type->set_size(size);
    type->set_name(name);
    type->set_target(target);
    type->set_count(count);
    return static_cast<uint32_t>(table.size() - 1);
  }
  v1::Type* at(uint32_t index) { return table.Mutable(static_cast<int>(index)); }
  void Field(uint32_t owner, const std::string& name, uint32_t type, uint64_t offset, uint32_t bit_size = 0,
             uint32_t bit_offset = 0) {
    v1::Field* field = at(owner)->add_fields();
    field->set_name(name);
    field->set_type(type);
    field->set_offset(offset);
    field->set_bit_size(bit_size);
    field->set_bit_offset(bit_offset);
  }
  void Base(uint32_t owner, uint32_t type, uint64_t offset) {
    Field(owner, "", type, offset);
    at(owner)->mutable_fields(at(owner)->fields_size() - 1)->set_is_base(true);
  }
  void Enumerator(uint32_t owner, const std::string& name, int64_t value) {
    v1::Enumerator* enumerator = at(owner)->add_enumerators();
    enumerator->set_name(name);
    enumerator->set_value(value);
  }
  uint32_t Int() { return Once(&int_, v1::TYPE_SIGNED, 4, "int"); }
  uint32_t UInt() { return Once(&uint_, v1::TYPE_UNSIGNED, 4, "unsigned int"); }
  uint32_t Long() { return Once(&long_, v1::TYPE_SIGNED, 8, "long"); }
  uint32_t Short() { return Once(&short_, v1::TYPE_SIGNED, 2, "short"); }
  uint32_t Char() { return Once(&char_, v1::TYPE_CHAR, 1, "char"); }
  uint32_t Bool() { return Once(&bool_, v1::TYPE_BOOL, 1, "bool"); }
  uint32_t Float() { return Once(&float_, v1::TYPE_FLOAT, 4, "float"); }
  uint32_t Double() { return Once(&double_, v1::TYPE_FLOAT, 8, "double"); }
  uint32_t LongDouble() { return Once(&long_double_, v1::TYPE_FLOAT, 16, "long double"); }
  uint32_t PointerTo(uint32_t target) {
    return Add(v1::TYPE_POINTER, 8, table.Get(static_cast<int>(target)).name() + " *", target);
  }

  pipeline::TypeTable table;

 private:
  uint32_t Once(uint32_t* index, v1::TypeKind kind, uint64_t size, const std::string& name) {
    if (*index == 0) *index = Add(kind, size, name);
    return *index;
  }
  uint32_t int_ = 0, uint_ = 0, long_ = 0, short_ = 0, char_ = 0, bool_ = 0, float_ = 0, double_ = 0, long_double_ = 0;
};

class Image {
 public:
  void Bytes(uint64_t address, const std::string& bytes) {
    storage_.push_back(bytes);
    image.AddSegment(address, {reinterpret_cast<const uint8_t*>(storage_.back().data()), bytes.size()});
    image.Seal();
  }
  template <typename T>
  void Put(uint64_t address, const T& value) {
    Bytes(address, std::string(reinterpret_cast<const char*>(&value), sizeof(value)));
  }
  template <typename T>
  void PutAll(uint64_t address, const std::vector<T>& values) {
    Bytes(address, std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)));
  }
  void Fault(uint64_t address, uint64_t length) {
    image.AddFault(address, length);
    image.Seal();
  }
  void Reg(unsigned number, uint64_t value) { image.SetRegister(number, value); }

  pipeline::MemoryImage image;

 private:
  std::deque<std::string> storage_;
};

inline v1::Node Reg(uint32_t type, uint32_t number) {
  v1::Node node;
  node.set_type(type);
  node.set_reg(number);
  return node;
}

inline v1::Node ConstBytes(uint32_t type, const std::string& bytes) {
  v1::Node node;
  node.set_type(type);
  node.set_constant(bytes);
  return node;
}

template <typename T>
v1::Node Const(uint32_t type, T value) {
  return ConstBytes(type, std::string(reinterpret_cast<const char*>(&value), sizeof(value)));
}

inline v1::Node Word(uint64_t value) { return Const<uint64_t>(0, value); }

inline v1::Node Memory(uint32_t type, v1::Node address) {
  v1::Node node;
  node.set_type(type);
  *node.mutable_memory() = std::move(address);
  return node;
}

inline v1::Node At(uint32_t type, uint64_t address) { return Memory(type, Word(address)); }

inline v1::Node Self() {
  v1::Node node;
  node.set_self(true);
  return node;
}

inline v1::Node Unavailable(uint32_t type, const std::string& reason) {
  v1::Node node;
  node.set_type(type);
  node.set_unavailable(reason);
  return node;
}

inline v1::Node Unary(uint32_t type, v1::Operator op, v1::Node operand) {
  v1::Node node;
  node.set_type(type);
  node.mutable_unary()->set_op(op);
  *node.mutable_unary()->mutable_operand() = std::move(operand);
  return node;
}

inline v1::Node Binary(uint32_t type, v1::Operator op, v1::Node left, v1::Node right) {
  v1::Node node;
  node.set_type(type);
  node.mutable_binary()->set_op(op);
  *node.mutable_binary()->mutable_left() = std::move(left);
  *node.mutable_binary()->mutable_right() = std::move(right);
  return node;
}

inline v1::Node Convert(uint32_t type, v1::Node operand) {
  v1::Node node;
  node.set_type(type);
  *node.mutable_convert() = std::move(operand);
  return node;
}

inline v1::Node AddressOf(uint32_t type, v1::Node operand) {
  v1::Node node;
  node.set_type(type);
  *node.mutable_address_of() = std::move(operand);
  return node;
}

inline v1::Node Member(uint32_t type, v1::Node object, uint64_t offset, uint32_t bit_size = 0,
                       uint32_t bit_offset = 0) {
  v1::Node node;
  node.set_type(type);
  *node.mutable_member()->mutable_object() = std::move(object);
  node.mutable_member()->set_offset(offset);
  node.mutable_member()->set_bit_size(bit_size);
  node.mutable_member()->set_bit_offset(bit_offset);
  return node;
}

inline v1::Node Checked(uint32_t type, v1::Node condition, v1::Node value, const std::string& reason) {
  v1::Node node;
  node.set_type(type);
  *node.mutable_checked()->mutable_condition() = std::move(condition);
  *node.mutable_checked()->mutable_value() = std::move(value);
  node.mutable_checked()->set_reason(reason);
  return node;
}

inline v1::Node Composite(uint32_t type) {
  v1::Node node;
  node.set_type(type);
  node.mutable_composite();
  return node;
}

inline void AddPiece(v1::Node* node, uint32_t size, v1::Node value, bool in_memory = false) {
  v1::Composite::Piece* piece = node->mutable_composite()->add_pieces();
  piece->set_size(size);
  piece->set_in_memory(in_memory);
  *piece->mutable_value() = std::move(value);
}

// The machine word at self + offset: a pointer or a size of a container.
inline v1::Node SelfWord(uint64_t offset) { return Memory(0, Binary(0, v1::OP_ADD, Self(), Word(offset))); }

}  // namespace dlog::test
