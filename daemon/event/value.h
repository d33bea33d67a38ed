// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

#include "event.pb.h"

namespace dlog::event {

class Storage;
class Value;

// The parts of a value, or the values of an event.
class ValueList {
 public:
  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = const Value;
    using difference_type = std::ptrdiff_t;
    using pointer = const Value*;
    using reference = const Value&;
    explicit Iterator(const Value* at = nullptr) : at_(at) {}
    reference operator*() const { return *at_; }
    pointer operator->() const { return at_; }
    inline Iterator& operator++();
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    const Value* at_;
  };

  Iterator begin() const { return Iterator(first_); }
  Iterator end() const { return Iterator(); }
  bool empty() const { return first_ == nullptr; }
  Value* Add(Storage* storage);
  void Clear() { first_ = last_ = nullptr; }

 private:
  Value* first_ = nullptr;
  Value* last_ = nullptr;
};

// One rendered value, as v1::Value describes it. It lives in a Storage and is never destroyed on its own. A string is
// copied into the storage (set_...) or referred to (refer_...): then it must live as long as the storage does, as what
// is in the plan, in the storage's text or in the program does.
class Value {
 public:
  enum class Scalar : uint8_t { kNone, kBool, kInt, kUint, kDouble, kString };

  explicit Value(Storage* storage) : storage_(storage) {}

  std::string_view name() const { return name_; }
  void set_name(std::string_view name) { name_ = Copied(name); }
  void refer_name(std::string_view name) { name_ = name; }

  std::string_view type() const { return type_; }
  void set_type(std::string_view type) { type_ = Copied(type); }
  void refer_type(std::string_view type) { type_ = type; }

  v1::ValueStatus status() const { return status_; }
  void set_status(v1::ValueStatus status) { status_ = status; }

  std::string_view reason() const { return reason_; }
  void set_reason(std::string_view reason) { reason_ = Copied(reason); }

  std::string_view text() const { return text_; }
  void set_text(std::string_view text) { refer_text(Copied(text)); }
  void refer_text(std::string_view text) {
    text_ = text;
    text_is_scalar_ = false;
  }

  Scalar scalar() const { return scalar_; }
  // The text is the scalar as JSON has it: said after the text was set.
  bool text_is_scalar() const { return text_is_scalar_; }
  void set_text_is_scalar() { text_is_scalar_ = true; }
  void clear_scalar() { scalar_ = Scalar::kNone; }
  bool bool_value() const { return scalar_ == Scalar::kBool && word_ != 0; }
  int64_t int_value() const { return scalar_ == Scalar::kInt ? static_cast<int64_t>(word_) : 0; }
  uint64_t uint_value() const { return scalar_ == Scalar::kUint ? word_ : 0; }
  double double_value() const { return scalar_ == Scalar::kDouble ? real_ : 0; }
  std::string_view string_value() const { return scalar_ == Scalar::kString ? string_ : std::string_view(); }
  void set_bool_value(bool value) { SetWord(Scalar::kBool, value ? 1 : 0); }
  void set_int_value(int64_t value) { SetWord(Scalar::kInt, static_cast<uint64_t>(value)); }
  void set_uint_value(uint64_t value) { SetWord(Scalar::kUint, value); }
  void set_double_value(double value) {
    scalar_ = Scalar::kDouble;
    real_ = value;
  }
  void set_string_value(std::string_view value) { refer_string_value(Copied(value)); }
  void refer_string_value(std::string_view value) {
    scalar_ = Scalar::kString;
    string_ = value;
  }

  bool has_size() const { return has_size_; }
  uint64_t size() const { return size_; }
  void set_size(uint64_t size) {
    has_size_ = true;
    size_ = size;
  }
  void clear_size() { has_size_ = false; }

  // The parts are elements.
  bool is_sequence() const { return is_sequence_; }
  void set_is_sequence(bool is_sequence) { is_sequence_ = is_sequence; }
  // The parts are fields.
  bool is_struct() const { return is_struct_; }
  void set_is_struct(bool is_struct) { is_struct_ = is_struct; }
  const ValueList& parts() const { return parts_; }
  Value* AddPart() { return parts_.Add(storage_); }
  void clear_parts() { parts_.Clear(); }

 private:
  friend class ValueList;
  friend class ValueList::Iterator;
  std::string_view Copied(std::string_view bytes) const;
  void SetWord(Scalar scalar, uint64_t word) {
    scalar_ = scalar;
    word_ = word;
  }

  Storage* const storage_;
  Value* next_ = nullptr;
  std::string_view name_;
  std::string_view type_;
  std::string_view reason_;
  std::string_view text_;
  std::string_view string_;
  union {
    uint64_t word_ = 0;
    double real_;
  };
  uint64_t size_ = 0;
  ValueList parts_;
  v1::ValueStatus status_ = v1::STATUS_OK;
  Scalar scalar_ = Scalar::kNone;
  bool text_is_scalar_ = false;
  bool has_size_ = false;
  bool is_sequence_ = false;
  bool is_struct_ = false;
};

inline ValueList::Iterator& ValueList::Iterator::operator++() {
  at_ = at_->next_;
  return *this;
}

}  // namespace dlog::event
