// SPDX-License-Identifier: Apache-2.0
#include "daemon/pipeline/elements.h"

#include <fmt/format.h>

namespace dlog::pipeline {
namespace {

// Steps between two elements of a tree: no deeper one fits into memory.
constexpr int kMaxTreeSteps = 128;
// Levels of a B-tree, of which each node but the root has at least two children.
constexpr int kMaxBranchLevels = 64;

}  // namespace

Elements::Elements(const Object& self, const v1::Shape& shape, uint64_t count, const TypeTable& types,
                   const MemoryImage& image)
    : self_(self), shape_(shape), count_(count), types_(types), image_(image) {
  TypeSize(shape.element(), types, &stride_);
}

bool Elements::Evaluated(const v1::Node& node, const Object& self, uint64_t* out) {
  if (self.in_memory && EvaluateWord(node, types_, image_, self.address, out)) return true;
  const Object result = EvaluateInside(node, types_, image_, self);
  return ReadScalar(result, types_, image_, out, &status_, &reason_);
}

bool Elements::WordAt(const v1::Node& node, uint64_t address, uint64_t* out) {
  Object at;
  at.in_memory = true;
  at.address = address;
  return Evaluated(node, at, out);
}

Elements::End Elements::Missing() const {
  if (status_ == v1::STATUS_UNREADABLE) return reason_.starts_with("0x") ? End::kUnreadable : End::kNotCaptured;
  return End::kCorrupt;
}

Elements::End Elements::Unread(const ReadResult& read) {
  reason_ = FailureReason(read);
  return read.failure == ReadFailure::kFault ? End::kUnreadable : End::kNotCaptured;
}

Elements::End Elements::Start() {
  if (!Word(shape_.data(), &data_)) return Missing();
  if (shape_.has_end() && !branches() && !Word(shape_.end(), &end_)) return Missing();
  if (shape_.kind() == v1::Shape::BLOCKS && !Word(shape_.start(), &start_)) return Missing();
  if (shape_.kind() == v1::Shape::SLOTS && (!Word(shape_.value(), &slots_) || !Word(shape_.capacity(), &capacity_))) {
    return Missing();
  }
  node_ = data_;
  return End::kMore;
}

Elements::End Elements::Next(Object* element) {
  if (done_ == 0) {
    if (const End start = Start(); start != End::kMore) return start;
  }
  if (done_ == count_) return End::kDone;
  End end = End::kCorrupt;
  switch (shape_.kind()) {
    case v1::Shape::LIST:
    case v1::Shape::TREE:
      end = branches() ? NextInBranches(element) : NextNode(element);
      break;
    case v1::Shape::BLOCKS:
      end = NextInBlock(element);
      break;
    case v1::Shape::SLOTS:
      end = NextSlot(element);
      break;
    default:
      *element = ObjectAt(data_ + done_ * stride_, shape_.element(), types_, &self_);
      end = End::kMore;
  }
  if (end == End::kMore) ++done_;
  return end;
}

Elements::End Elements::NextNode(Object* element) {
  if (done_ != 0) {
    if (shape_.kind() == v1::Shape::TREE) {
      if (const End end = NextTreeNode(); end != End::kMore) return end;
    } else if (!WordAt(shape_.next(), node_, &node_)) {
      return Missing();
    }
  }
  const bool at_end = node_ == 0 || (shape_.has_end() && node_ == end_);
  if (at_end && count_ == kUnknown) return End::kDone;
  if (at_end) {
    reason_ = fmt::format("size {}, but {} elements", count_, done_);
    return End::kCorrupt;
  }
  uint64_t address = 0;
  if (!WordAt(shape_.value(), node_, &address)) return Missing();
  *element = ObjectAt(address, shape_.element(), types_, nullptr);
  return End::kMore;
}

// The node after node_ in order: leftmost below its right, else the first ancestor of which it is on the left.
Elements::End Elements::NextTreeNode() {
  uint64_t right = 0;
  if (!WordAt(shape_.right(), node_, &right)) return Missing();
  int steps = 0;
  if (right != 0) {
    for (node_ = right; steps < kMaxTreeSteps; ++steps) {
      uint64_t left = 0;
      if (!WordAt(shape_.left(), node_, &left)) return Missing();
      if (left == 0) return End::kMore;
      node_ = left;
    }
  }
  for (; steps < kMaxTreeSteps; ++steps) {
    uint64_t parent = 0;
    uint64_t parents_right = 0;
    if (!WordAt(shape_.parent(), node_, &parent)) return Missing();
    if (parent == end_ || parent == 0) {
      node_ = end_;
      return End::kMore;  // behind the last one; the caller sees it
    }
    if (!WordAt(shape_.right(), parent, &parents_right)) return Missing();
    const bool from_right = parents_right == node_;
    node_ = parent;
    if (!from_right) return End::kMore;
  }
  reason_ = "the tree is too deep";
  return End::kCorrupt;
}

// The leftmost leaf below the child behind the element `at_` of node_.
Elements::End Elements::DescendBranch() {
  uint64_t child = at_ + 1;
  for (int level = 0; level < kMaxBranchLevels; ++level) {
    uint64_t children = 0;
    uint64_t leaf = 0;
    if (!WordAt(shape_.right(), node_, &children)) return Missing();
    const ReadResult read = image_.Read(children + child * sizeof(uint64_t), &node_, sizeof(node_));
    if (!read.ok()) return Unread(read);
    if (!WordAt(shape_.engaged(), node_, &leaf)) return Missing();
    child = 0;
    at_ = 0;
    inner_ = leaf == 0;
    if (!inner_) return End::kMore;
  }
  reason_ = "the tree is too deep";
  return End::kCorrupt;
}

// Behind an element of an inner node come those below the next child, behind the last one of a node the element of the
// first ancestor that it is not behind.
Elements::End Elements::NextInBranches(Object* element) {
  if (done_ != 0 && !inner_) ++at_;
  if (done_ != 0 && inner_) {
    if (const End end = DescendBranch(); end != End::kMore) return end;
  }
  for (int level = 0; level < kMaxBranchLevels; ++level) {
    uint64_t count = 0;
    if (!WordAt(shape_.end(), node_, &count)) return Missing();
    if (count > shape_.block()) {
      reason_ = fmt::format("a node of {} elements", count);
      return End::kCorrupt;
    }
    if (at_ < count) {
      uint64_t first = 0;
      if (!WordAt(shape_.value(), node_, &first)) return Missing();
      *element = ObjectAt(first + at_ * shape_.node_size(), shape_.element(), types_, nullptr);
      return End::kMore;
    }
    uint64_t parent = 0;
    uint64_t leaf = 0;
    if (!WordAt(shape_.parent(), node_, &parent) || !WordAt(shape_.start(), node_, &at_)) return Missing();
    if (!WordAt(shape_.engaged(), parent, &leaf)) return Missing();
    if (leaf != 0) {  // the root's parent is the leftmost leaf
      reason_ = fmt::format("size {}, but {} elements", count_, done_);
      return End::kCorrupt;
    }
    node_ = parent;
    inner_ = true;
  }
  reason_ = "the tree is too deep";
  return End::kCorrupt;
}

Elements::End Elements::NextInBlock(Object* element) {
  const uint64_t position = start_ + done_;
  if (shape_.block() == 0) return End::kCorrupt;
  const uint64_t entry = data_ + position / shape_.block() * sizeof(uint64_t);
  uint64_t block = 0;
  const ReadResult read = image_.Read(entry, &block, sizeof(block));
  if (!read.ok()) return Unread(read);
  if (block == 0) {
    reason_ = "a block is missing";
    return End::kCorrupt;
  }
  *element = ObjectAt(block + position % shape_.block() * stride_, shape_.element(), types_, nullptr);
  return End::kMore;
}

Elements::End Elements::NextSlot(Object* element) {
  for (; steps_ < capacity_; ++steps_) {
    int8_t control = 0;
    const ReadResult read = image_.Read(data_ + steps_, &control, 1);
    if (!read.ok()) return Unread(read);
    if (control < 0) continue;
    uint64_t address = slots_ + steps_++ * shape_.node_size();
    if (shape_.block() != 0) {
      const ReadResult slot = image_.Read(address, &address, sizeof(address));
      if (!slot.ok()) return Unread(slot);
    }
    *element = ObjectAt(address, shape_.element(), types_, nullptr);
    return End::kMore;
  }
  reason_ = fmt::format("size {}, but {} elements", count_, done_);
  return End::kCorrupt;
}

}  // namespace dlog::pipeline
