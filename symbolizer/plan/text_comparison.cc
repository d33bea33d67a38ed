// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/plan/text_comparison.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>
#include <vector>

#include "symbolizer/plan/conversions.h"
#include "symbolizer/plan/nodes.h"

namespace dlog::plan {
namespace {

// Longest literals, by what the kernel's list of operations holds.
constexpr size_t kMaxCounted = 256;
constexpr size_t kMaxTerminated = 64;  // byte by byte: what follows the NUL may not be readable
constexpr size_t kMaxOrdered = 16;

class Comparison {
 public:
  Comparison(dwarf::TypeGraph* types, const TextPlace& text, std::string_view literal)
      : types_(types),
        text_(text),
        literal_(literal),
        boolean_(Fundamental(types, "bool")),
        word_(Fundamental(types, "unsigned long")),
        byte_(Fundamental(types, "unsigned char")) {}

  v1::Node Equal() const;
  v1::Node Less() const;

 private:
  using Terms = std::vector<v1::Node>;

  v1::Node Constant(uint64_t value, uint32_t type) const { return MakeConstant(&value, types_->at(type).size(), type); }
  v1::Node At(size_t position, uint32_t type) const {
    return MemoryObject(AddOffset(text_.data, static_cast<int64_t>(position)), type);
  }
  v1::Node Compared(v1::Operator op, v1::Node left, v1::Node right) const {
    return MakeBinary(op, std::move(left), std::move(right), boolean_);
  }
  uint64_t Expected(size_t position) const {
    return position < literal_.size() ? static_cast<unsigned char>(literal_[position]) : 0;
  }
  // Those bytes are the literal's.
  void AddRange(size_t begin, size_t end, Terms* terms) const;
  // The text is less than the literal because of what is there; before `begin` it has the same bytes.
  v1::Node LessWithin(size_t begin, size_t end) const;
  // Terms joined as a balanced tree, which keeps their order.
  v1::Node Joined(v1::Operator op, Terms terms) const;

  dwarf::TypeGraph* const types_;
  const TextPlace& text_;
  const std::string_view literal_;
  const uint32_t boolean_;
  const uint32_t word_;
  const uint32_t byte_;
};

v1::Node Comparison::Joined(v1::Operator op, Terms terms) const {
  if (terms.empty()) return Constant(op == v1::OP_LOGICAL_AND ? 1 : 0, boolean_);
  while (terms.size() > 1) {
    Terms joined;
    for (size_t i = 0; i < terms.size(); i += 2) {
      joined.push_back(i + 1 < terms.size() ? Compared(op, std::move(terms[i]), std::move(terms[i + 1]))
                                            : std::move(terms[i]));
    }
    terms = std::move(joined);
  }
  return std::move(terms[0]);
}

void Comparison::AddRange(size_t begin, size_t end, Terms* terms) const {
  static constexpr std::pair<size_t, const char*> kUnits[] = {
      {8, "unsigned long"}, {4, "unsigned int"}, {2, "unsigned short"}, {1, "unsigned char"}};
  for (size_t at = begin; at < end;) {
    const auto* unit = text_.size.has_value() ? std::find_if(std::begin(kUnits), std::end(kUnits),
                                                             [&](const auto& entry) { return entry.first <= end - at; })
                                              : std::end(kUnits) - 1;
    uint64_t expected = 0;
    std::memcpy(&expected, literal_.data() + at, unit->first);
    const uint32_t type = Fundamental(types_, unit->second);
    terms->push_back(Compared(v1::OP_EQ, At(at, type), Constant(expected, type)));
    at += unit->first;
  }
}

v1::Node Comparison::Equal() const {
  Terms terms;
  if (text_.size.has_value()) {
    terms.push_back(Compared(v1::OP_EQ, *text_.size, Constant(literal_.size(), word_)));
    AddRange(0, literal_.size(), &terms);
  } else if (text_.room != 0 && literal_.size() > text_.room) {
    return Constant(0, boolean_);
  } else {
    AddRange(0, literal_.size(), &terms);
    // An array that the literal fills has no room for the NUL.
    if (text_.room == 0 || literal_.size() < text_.room) {
      terms.push_back(Compared(v1::OP_EQ, At(literal_.size(), byte_), Constant(0, byte_)));
    }
  }
  return Joined(v1::OP_LOGICAL_AND, std::move(terms));
}

v1::Node Comparison::Less() const {
  const bool counted = text_.size.has_value();
  const bool cut = !counted && text_.room != 0 && literal_.size() > text_.room;
  const size_t end = cut ? text_.room : literal_.size();
  if (end == 0) return Constant(cut ? 1 : 0, boolean_);
  v1::Node less = LessWithin(0, end);
  if (!cut) return less;
  // An array without a NUL ends where it has no more room.
  Terms all;
  AddRange(0, end, &all);
  return Compared(v1::OP_LOGICAL_OR, std::move(less), Joined(v1::OP_LOGICAL_AND, std::move(all)));
}

// At one position the text ends or has the smaller byte; it does so in the first part, or that is the same.
v1::Node Comparison::LessWithin(size_t begin, size_t end) const {
  if (end - begin == 1) {
    v1::Node smaller = Compared(v1::OP_LT, At(begin, byte_), Constant(Expected(begin), byte_));
    if (!text_.size.has_value()) return smaller;
    v1::Node ended = Compared(v1::OP_EQ, *text_.size, Constant(begin, word_));
    return Compared(v1::OP_LOGICAL_OR, std::move(ended), std::move(smaller));
  }
  const size_t middle = begin + std::bit_floor(end - begin - 1);
  Terms same;
  if (text_.size.has_value()) same.push_back(Compared(v1::OP_GE, *text_.size, Constant(middle, word_)));
  AddRange(begin, middle, &same);
  same.push_back(LessWithin(middle, end));
  return Compared(v1::OP_LOGICAL_OR, LessWithin(begin, middle), Joined(v1::OP_LOGICAL_AND, std::move(same)));
}

}  // namespace

absl::StatusOr<v1::Node> CompareText(dwarf::TypeGraph* types, v1::Operator op, const TextPlace& text,
                                     std::string_view literal) {
  const bool ordered = op != v1::OP_EQ && op != v1::OP_NE;
  const size_t most = ordered ? kMaxOrdered : text.size.has_value() ? kMaxCounted : kMaxTerminated;
  if (literal.size() > most) return absl::InvalidArgumentError("the string literal is too long to be compared");
  // What has a NUL in it is never what a NUL ends.
  if (ordered && !text.size.has_value() && literal.find('\0') != std::string_view::npos) {
    return absl::InvalidArgumentError("a string literal with NUL cannot be ordered against a C string");
  }
  const Comparison comparison(types, text, literal);
  const uint32_t boolean = Fundamental(types, "bool");
  const auto negated = [&](v1::Node node) { return MakeUnary(v1::OP_NOT, std::move(node), boolean); };
  const auto less_or_equal = [&] {
    return MakeBinary(v1::OP_LOGICAL_OR, comparison.Less(), comparison.Equal(), boolean);
  };
  switch (op) {
    case v1::OP_EQ:
      return comparison.Equal();
    case v1::OP_NE:
      return negated(comparison.Equal());
    case v1::OP_LT:
      return comparison.Less();
    case v1::OP_GE:
      return negated(comparison.Less());
    case v1::OP_LE:
      return less_or_equal();
    case v1::OP_GT:
      return negated(less_or_equal());
    default:
      return absl::InvalidArgumentError("text can only be compared");
  }
}

}  // namespace dlog::plan
